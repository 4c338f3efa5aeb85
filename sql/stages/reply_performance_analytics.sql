-- Grain: one row per dimension, value and metric of the windows' days: what its replies brought day by day, as
-- lists that go together, `day` counted from the first. The baseline (dimension 'all') comes with it.
SELECT
    dimension,
    value,
    metric,
    array_agg(day - cast(:first_day AS DATE)) AS day,
    array_agg(reply_count) AS reply_count,
    array_agg(n) AS n,
    array_agg(positives) AS positives,
    array_agg(successes) AS successes,
    array_agg(sum_log) AS sum_log,
    array_agg(sum_log2) AS sum_log2,
    array_agg(sum_y) AS sum_y,
    array_agg(sum_y2) AS sum_y2
FROM daily_rollup
WHERE
    day BETWEEN :first_day AND :last_day
    AND dimension = any(:dimensions)
GROUP BY dimension, value, metric

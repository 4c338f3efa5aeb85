-- Grain: one row per dimension, value and metric of some days: what its replies brought day by day, as lists
-- that go together, `day` counted from the first. Whoever decides about windows sums them up from it.
SELECT
    dimension,
    value,
    metric,
    array_agg(day - cast(:first_day AS DATE) ORDER BY day) AS day,
    array_agg(reply_count ORDER BY day) AS reply_count,
    array_agg(n ORDER BY day) AS n,
    array_agg(positives ORDER BY day) AS positives,
    array_agg(successes ORDER BY day) AS successes,
    array_agg(sum_log ORDER BY day) AS sum_log,
    array_agg(sum_log2 ORDER BY day) AS sum_log2,
    array_agg(sum_y ORDER BY day) AS sum_y,
    array_agg(sum_y2 ORDER BY day) AS sum_y2
FROM daily_rollup
WHERE
    day BETWEEN :first_day AND :last_day
    AND dimension = any(:dimensions)
    AND metric = any(:metrics)
GROUP BY dimension, value, metric

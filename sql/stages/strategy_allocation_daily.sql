-- Grain: one row per dimension, value and metric of the window: what its replies brought day by day, as
-- lists from the newest day back, `age` in days before it, and the window's sum in the order of days.
SELECT
    dimension,
    value,
    metric,
    array_agg(:day - day ORDER BY day DESC) AS age,
    array_agg(n ORDER BY day DESC) AS n,
    array_agg(positives ORDER BY day DESC) AS positives,
    array_agg(sum_log ORDER BY day DESC) AS sum_log,
    array_agg(sum_log2 ORDER BY day DESC) AS sum_log2,
    sum(sum_y ORDER BY day) AS sum_y
FROM daily_rollup
WHERE
    day BETWEEN :first_day AND :day
    AND dimension = any(:dimensions)
    AND metric = any(:metrics)
    AND n > 0
GROUP BY dimension, value, metric

-- Grain: one row per day, dimension and value of the window: how many replies, and what they brought.
SELECT day, dimension, value, n, positives, sum_y, sum_y2, sum_log1p, sum_log1p2
FROM daily_rollup
WHERE
    dimension = any(:dimensions)
    AND metric = :metric
    AND day BETWEEN :first_day AND :day

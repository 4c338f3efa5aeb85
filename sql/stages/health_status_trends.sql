-- Grain: one row per dimension and value of the last weeks: how many replies, and what they brought, day by
-- day as lists that go together, `age` in days before the window's day.
SELECT
    dimension,
    value,
    array_agg(:day - day) AS age,
    array_agg(n) AS n,
    array_agg(sum_log1p) AS sum_log1p
FROM daily_rollup
WHERE
    day BETWEEN :first_day AND :day
    AND dimension = any(:dimensions)
    AND metric = :metric
    AND n > 0
GROUP BY dimension, value
ORDER BY dimension COLLATE "C", value COLLATE "C"

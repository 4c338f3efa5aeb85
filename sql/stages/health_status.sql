-- Grain: one row per dimension and value of the days given: how many replies, and what they brought by a
-- metric, day by day as lists that go together, `places` counted from the first day. What is followed for its
-- trend alone is read from a later day on.
SELECT
    dimension,
    value,
    array_agg(day - :first_day) AS places,
    array_agg(n) AS n,
    array_agg(positives) AS positives,
    array_agg(sum_y) AS sum_y,
    array_agg(sum_y2) AS sum_y2,
    array_agg(sum_log1p) AS sum_log1p,
    array_agg(sum_log1p2) AS sum_log1p2
FROM daily_rollup
WHERE
    metric = :metric
    AND day <= :last_day
    AND (
        (dimension = any(:dimensions) AND day >= :first_day)
        OR (dimension = any(:trending) AND day >= :trends_from)
    )
GROUP BY dimension, value
ORDER BY dimension COLLATE "C", value COLLATE "C"

-- Grain: one row per value of the dimensions that experiments may be suggested for: its sums over the recent
-- days, added in order. What nobody recorded is no arm.
SELECT
    dimension,
    value,
    sum(n) AS n,
    sum(positives) AS positives,
    sum(sum_y ORDER BY day) AS sum_y,
    sum(sum_y2 ORDER BY day) AS sum_y2,
    sum(sum_log ORDER BY day) AS sum_log,
    sum(sum_log2 ORDER BY day) AS sum_log2,
    (
        SELECT sum(overall.n) / greatest(count(DISTINCT overall.day), 1)::DOUBLE PRECISION
        FROM daily_rollup AS overall
        WHERE
            overall.dimension = 'all'
            AND overall.metric = 'followers_gained'
            AND overall.day BETWEEN :first_day AND :day
    ) AS per_day
FROM daily_rollup
WHERE
    dimension IN (SELECT unnest(cast(:dimensions AS TEXT[])))
    AND metric = 'followers_gained'
    AND value <> 'unknown'
    AND day BETWEEN :first_day AND :day
GROUP BY dimension, value
HAVING sum(n) > 0

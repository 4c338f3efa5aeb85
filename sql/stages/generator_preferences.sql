-- Grain: one row per account and generator, the window's days merged, in the order of their names.
-- Days are added in order: the same rollups give the same bits. The value of a rollup is
-- 'account × generator': its end is a generator the window knows, whatever the account is called.
WITH merged AS (
    SELECT
        value,
        sum(n) AS n,
        sum(positives) AS positives,
        sum(sum_y ORDER BY day) AS sum_y,
        sum(sum_log ORDER BY day) AS sum_log,
        sum(sum_log2 ORDER BY day) AS sum_log2
    FROM daily_rollup
    WHERE
        day BETWEEN :first_day AND :day
        AND dimension = 'account_generator'
        AND metric = 'followers_gained'
    GROUP BY value
),

generators AS MATERIALIZED (
    SELECT DISTINCT value AS name
    FROM daily_rollup
    WHERE day BETWEEN :first_day AND :day AND dimension = 'generator' AND metric = 'followers_gained'
)

SELECT
    left(merged.value, -length(' × ' || generator.name)) AS account,
    generator.name AS generator,
    merged.n,
    merged.positives,
    merged.sum_y,
    merged.sum_log,
    merged.sum_log2
FROM merged
INNER JOIN LATERAL (
    SELECT known.name
    FROM generators AS known
    WHERE right(merged.value, length(' × ' || known.name)) = ' × ' || known.name
    ORDER BY length(known.name) DESC
    LIMIT 1
) AS generator ON TRUE
ORDER BY merged.value COLLATE "C"

-- Grain: one row per account and generator, the window's days merged, in the order of their names.
-- Days are added in order: the same rollups give the same bits. The value of a rollup is
-- 'account × generator': its end is a generator the window knows, whatever the account is called. What was
-- learnt before the drop of the newest pivot counts less.
WITH counted AS (
    SELECT
        day,
        value,
        n,
        positives,
        sum_y,
        sum_y2,
        sum_log,
        sum_log2,
        CASE
            WHEN day < cast(:drop_began_on AS DATE) THEN cast(:kept AS DOUBLE PRECISION)
            ELSE 1
        END AS weight
    FROM daily_rollup
    WHERE
        day BETWEEN :first_day AND :day
        AND dimension = 'account_generator'
        AND metric = 'followers_gained'
),

merged AS (
    SELECT
        value,
        sum(n) AS replies,
        sum(n * weight ORDER BY day) AS n,
        sum(positives * weight ORDER BY day) AS positives,
        sum(sum_y * weight ORDER BY day) AS sum_y,
        sum(sum_y2 * weight ORDER BY day) AS sum_y2,
        sum(sum_log * weight ORDER BY day) AS sum_log,
        sum(sum_log2 * weight ORDER BY day) AS sum_log2
    FROM counted
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
    merged.replies,
    merged.n,
    merged.positives,
    merged.sum_y,
    merged.sum_y2,
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

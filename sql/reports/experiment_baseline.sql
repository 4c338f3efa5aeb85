-- One row: what replies with the control brought in the days before, or all replies where it has few, how
-- many came a day, and how many experiments share them already.
WITH recent AS (
    SELECT * FROM daily_rollup
    WHERE
        metric = 'followers_gained'
        AND day > (SELECT max(newest.day) FROM daily_rollup AS newest) - cast(:days AS INTEGER)
),

merged AS (
    SELECT
        dimension,
        sum(n) AS n,
        sum(positives) AS positives,
        sum(sum_y) AS sum_y,
        sum(sum_y2) AS sum_y2,
        sum(sum_log) AS sum_log,
        sum(sum_log2) AS sum_log2
    FROM recent
    WHERE dimension = 'all' OR (dimension = :dimension AND value = :control)
    GROUP BY dimension
    HAVING dimension = 'all' OR sum(n) >= cast(:least AS INTEGER)
)

SELECT
    merged.*,
    (SELECT sum(n) / count(DISTINCT day)::DOUBLE PRECISION FROM recent WHERE dimension = 'all') AS per_day,
    (
        SELECT count(*) FROM experiments AS other
        WHERE
            other.status = 'running'
            AND other.dimension IN (SELECT known.name FROM dimensions AS known WHERE known.is_testable)
    ) AS running
FROM merged
ORDER BY merged.dimension = 'all'
LIMIT 1

-- Grain: one row per pivot of the window, from the facts of before the as-of; one that was closed after
-- the as-of is open, and one that nobody has closed is over after its most days. What was learnt before its
-- drop began is old.
WITH whole AS (
    SELECT
        opened_at,
        least(closed_at, opened_at + cast(:most_days AS INTEGER) * INTERVAL '24 hours') AS over_at,
        coalesce(
            cast(inputs ->> 'segment_started_on' AS DATE), cast(episode_started_at AT TIME ZONE 'UTC' AS DATE)
        ) AS drop_began_on
    FROM pivots
    WHERE opened_at < :as_of
)

SELECT
    opened_at,
    CASE WHEN over_at < :as_of THEN over_at END AS closed_at,
    drop_began_on
FROM whole
WHERE opened_at >= :since OR over_at >= :as_of
ORDER BY opened_at

-- Grain: one row per pivot of the window, from the facts of before the as-of; one that was closed after
-- the as-of is open. What was learnt before its drop began is old.
SELECT
    opened_at,
    coalesce(
        cast(inputs ->> 'segment_started_on' AS DATE), cast(episode_started_at AT TIME ZONE 'UTC' AS DATE)
    ) AS drop_began_on,
    CASE WHEN closed_at < :as_of THEN closed_at END AS closed_at
FROM pivots
WHERE opened_at < :as_of AND (opened_at >= :since OR closed_at IS NULL OR closed_at >= :as_of)
ORDER BY opened_at

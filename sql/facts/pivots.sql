-- Grain: one row per window asked for, by its place, and pivot of it, from the facts of before its as-of; one
-- that was closed after the as-of is open, and one that nobody has closed is over after its most days. What
-- was learnt before its drop began is old.
WITH whole AS (
    SELECT
        cast(asked.place - 1 AS INTEGER) AS place,
        asked.as_of,
        asked.since,
        pivot.opened_at,
        least(
            pivot.closed_at, pivot.opened_at + cast(:most_days AS INTEGER) * INTERVAL '24 hours'
        ) AS over_at,
        coalesce(
            cast(pivot.inputs ->> 'segment_started_on' AS DATE),
            cast(pivot.episode_started_at AT TIME ZONE 'UTC' AS DATE)
        ) AS drop_began_on
    FROM
        unnest(cast(:as_ofs AS TIMESTAMPTZ[]), cast(:sinces AS TIMESTAMPTZ[]))
        WITH ORDINALITY AS asked (as_of, since, place)
    INNER JOIN pivots AS pivot ON asked.as_of > pivot.opened_at
)

SELECT
    place,
    opened_at,
    CASE WHEN over_at < as_of THEN over_at END AS closed_at,
    drop_began_on
FROM whole
WHERE opened_at >= since OR over_at >= as_of
ORDER BY place, opened_at

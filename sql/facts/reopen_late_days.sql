-- Opens the closed days whose windows hold a fact recorded after they were computed, so that they are
-- filled again. Which days a fact can move: a post found, its own; a reply, an export's row, or the
-- target of a reply, those in which the outcome may become known; a snapshot, those up to the end of
-- grace. A reply and a snapshot also end a silence, from their own day on. What comes after grace moves
-- nothing.
WITH late AS (
    SELECT
        opportunity.recorded_at,
        opportunity.discovered_at AS first_at,
        opportunity.discovered_at AS last_at
    FROM found_posts AS opportunity
    WHERE opportunity.recorded_at > :since AND opportunity.recorded_at <= :until
    UNION ALL
    SELECT
        opportunity.recorded_at,
        content.posted_at + :horizon AS first_at,
        content.posted_at + :horizon + :grace AS last_at
    FROM found_posts AS opportunity
    INNER JOIN own_posts AS content ON opportunity.tweet_id = content.target_tweet_id
    WHERE opportunity.recorded_at > :since AND opportunity.recorded_at <= :until
    UNION ALL
    SELECT
        content.recorded_at,
        content.posted_at AS first_at,
        content.posted_at + :horizon + :grace AS last_at
    FROM own_posts AS content
    WHERE content.recorded_at > :since AND content.recorded_at <= :until
    UNION ALL
    SELECT
        metrics.recorded_at,
        -- an export is one look, however late, and counts as taken at the horizon
        least(
            metrics.collected_at, CASE WHEN metrics.source = 'export' THEN content.posted_at + :horizon END
        ) AS first_at,
        coalesce(content.posted_at + :horizon + :grace, metrics.collected_at) AS last_at
    FROM snapshots AS metrics
    LEFT JOIN own_posts AS content ON metrics.tweet_id = content.tweet_id
    WHERE metrics.recorded_at > :since AND metrics.recorded_at <= :until
),

ranges AS (
    SELECT
        max(recorded_at) AS recorded_at,
        (first_at AT TIME ZONE 'UTC')::DATE AS first_day,
        (last_at AT TIME ZONE 'UTC')::DATE AS last_day
    FROM late
    WHERE first_at <= last_at
    GROUP BY first_day, last_day
),

computed AS MATERIALIZED (
    SELECT
        day,
        min(computed_at) AS first_at
    FROM stage_days
    WHERE closed AND stage = any(cast(:stages AS TEXT[]))
    GROUP BY day
),

reach AS (
    SELECT
        unnest(cast(:stages AS TEXT[])) AS stage,
        unnest(cast(:window_days AS INTEGER[])) AS reach_days
),

stale AS (
    SELECT
        reach.stage,
        ranges.recorded_at,
        ranges.first_day,
        ranges.last_day + reach.reach_days - 1 AS last_day
    FROM ranges
    CROSS JOIN reach
    -- most facts came in time for their own day and all after it
    WHERE ranges.recorded_at > (
        SELECT min(computed.first_at) FROM computed
        WHERE computed.day >= ranges.first_day
    )
),

opened AS (
    UPDATE stage_days AS filled
    SET closed = FALSE
    WHERE
        filled.closed
        AND EXISTS (
            SELECT FROM stale
            WHERE
                filled.stage = stale.stage
                AND filled.computed_at < stale.recorded_at
                AND filled.day BETWEEN stale.first_day AND stale.last_day
        )
    RETURNING filled.day
)

SELECT
    (SELECT min(day) FROM opened) AS first_day,
    (SELECT max(day) FROM opened) AS last_day

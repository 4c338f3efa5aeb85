-- Grain: one row per kind of fact and day on which such facts came, with the last one's instant. Only the
-- last day may be a running one. An outcome counts to the end of its day: when it is known depends on the
-- horizon alone.
WITH past AS (
    SELECT
        day_start,
        (day_start AT TIME ZONE 'UTC')::DATE AS day,
        least(day_start + INTERVAL '24 hours', :until) AS day_end
    FROM
        generate_series(
            cast(:since AS TIMESTAMPTZ),
            cast(:until AS TIMESTAMPTZ) - INTERVAL '1 microsecond',
            INTERVAL '24 hours'
        ) AS day_start
),

facts AS MATERIALIZED (
    SELECT
        'opportunities' AS kind,
        past.day,
        (
            SELECT max(opportunity.discovered_at) FROM found_posts AS opportunity
            WHERE opportunity.discovered_at >= past.day_start AND opportunity.discovered_at < past.day_end
        ) AS last_at
    FROM past
    UNION ALL
    SELECT
        'replies' AS kind,
        past.day,
        (
            SELECT max(content.posted_at) FROM own_posts AS content
            WHERE
                content.posted_at >= past.day_start
                AND content.posted_at < past.day_end
                AND content.is_posted
                AND lower(content.decision_type) = 'reply'
        ) AS last_at
    FROM past
    UNION ALL
    SELECT
        'snapshots' AS kind,
        past.day,
        (
            SELECT max(metrics.collected_at) FROM snapshots AS metrics
            WHERE metrics.collected_at >= past.day_start AND metrics.collected_at < past.day_end
        ) AS last_at
    FROM past
    UNION ALL
    SELECT
        'outcomes' AS kind,
        past.day,
        past.day_end AS last_at
    FROM past
    WHERE
        EXISTS (
            SELECT FROM daily_rollup AS rollup
            WHERE
                rollup.day = past.day
                AND rollup.dimension = 'all'
                AND rollup.metric = 'followers_gained'
        )
)

SELECT kind, day, last_at FROM facts
WHERE last_at IS NOT NULL
ORDER BY kind, day

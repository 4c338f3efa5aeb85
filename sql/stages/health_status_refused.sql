-- Grain: one row per instant and kind of fact of which anything that the bot told went to quarantine within
-- the 24 hours before: how much, the first of it, its commonest reason, and how much was taken of what
-- happened then. An import is not among them: it gives its own account to whoever runs it, and most of it is
-- old.
WITH refused AS (
    SELECT
        looked.as_of,
        origin.kind,
        min(bad.recorded_at) AS since,
        count(*) AS refused,
        mode() WITHIN GROUP (ORDER BY bad.reason COLLATE "C") AS reason
    FROM quarantine AS bad
    INNER JOIN
        (
            VALUES
            ('record_opportunity', 'opportunities'),
            ('record_reply', 'replies'),
            ('record_metrics', 'snapshots')
        ) AS origin (source, kind)
        ON bad.source = origin.source
    INNER JOIN unnest(cast(:as_ofs AS TIMESTAMPTZ[])) AS looked (as_of)
        ON
            bad.recorded_at >= looked.as_of - INTERVAL '24 hours'
            AND bad.recorded_at < looked.as_of
    WHERE bad.recorded_at >= :since AND bad.recorded_at < :until
    GROUP BY looked.as_of, origin.kind
)

SELECT
    as_of,
    kind,
    since,
    refused,
    reason,
    CASE kind
        WHEN 'opportunities'
            THEN (
                SELECT count(*) FROM found_posts AS post
                WHERE
                    post.discovered_at >= refused.as_of - INTERVAL '24 hours'
                    AND post.discovered_at < refused.as_of
            )
        WHEN 'replies'
            THEN (
                SELECT count(*) FROM own_posts AS post
                WHERE
                    post.posted_at >= refused.as_of - INTERVAL '24 hours'
                    AND post.posted_at < refused.as_of
            )
        ELSE (
            SELECT count(*) FROM snapshots AS metrics
            WHERE
                metrics.collected_at >= refused.as_of - INTERVAL '24 hours'
                AND metrics.collected_at < refused.as_of
        )
    END AS taken
FROM refused
ORDER BY as_of, kind

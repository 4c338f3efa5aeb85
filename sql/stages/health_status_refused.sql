-- Grain: one row per kind of fact of which anything that the bot told went to quarantine since a given
-- instant: how much, the first of it, its commonest reason, and how much was taken of what happened since.
-- An import is not among them: it gives its own account to whoever runs it, and most of it is old.
WITH refused AS (
    SELECT
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
    WHERE bad.recorded_at >= :since AND bad.recorded_at < :as_of
    GROUP BY origin.kind
),

taken AS (
    SELECT
        'opportunities' AS kind,
        count(*) AS taken
    FROM found_posts
    WHERE
        'opportunities' IN (SELECT refused.kind FROM refused)
        AND discovered_at >= :since AND discovered_at < :as_of
    UNION ALL
    SELECT
        'replies' AS kind,
        count(*) AS taken
    FROM own_posts
    WHERE
        'replies' IN (SELECT refused.kind FROM refused)
        AND posted_at >= :since AND posted_at < :as_of
    UNION ALL
    SELECT
        'snapshots' AS kind,
        count(*) AS taken
    FROM snapshots
    WHERE
        'snapshots' IN (SELECT refused.kind FROM refused)
        AND collected_at >= :since AND collected_at < :as_of
)

SELECT
    refused.kind,
    refused.since,
    refused.refused,
    refused.reason,
    taken.taken
FROM refused
INNER JOIN taken ON refused.kind = taken.kind
ORDER BY refused.kind

-- Grain: one row per kind of fact of which anything went to quarantine since a given instant: how much, the
-- first of it, its commonest reason, and how much was taken. What was taken counts by when it was told, and
-- by when it happened: a row that is completed later was told anew then.
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
            ('x_api_v2', 'opportunities'),
            ('record_reply', 'replies'),
            ('decisions', 'replies'),
            ('record_metrics', 'snapshots'),
            ('x_analytics_content', 'snapshots'),
            ('x_analytics_tweets', 'snapshots')
        ) AS origin (source, kind)
        ON bad.source = origin.source
    WHERE bad.recorded_at >= :since AND bad.recorded_at < :as_of
    GROUP BY origin.kind
),

taken AS (
    SELECT
        'opportunities' AS kind,
        count(*) AS taken
    FROM reply_opportunities
    WHERE
        'opportunities' IN (SELECT refused.kind FROM refused)
        AND (
            (recorded_at >= :since AND recorded_at < :as_of)
            OR (discovered_at >= :since AND discovered_at < :as_of)
        )
    UNION ALL
    SELECT
        'replies' AS kind,
        count(*) AS taken
    FROM content_metadata
    WHERE
        'replies' IN (SELECT refused.kind FROM refused)
        AND (
            (recorded_at >= :since AND recorded_at < :as_of)
            OR (posted_at >= :since AND posted_at < :as_of)
        )
    UNION ALL
    SELECT
        'snapshots' AS kind,
        count(*) AS taken
    FROM tweet_metrics
    WHERE
        'snapshots' IN (SELECT refused.kind FROM refused)
        AND (
            (recorded_at >= :since AND recorded_at < :as_of)
            OR (collected_at >= :since AND collected_at < :as_of)
        )
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

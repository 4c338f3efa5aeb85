-- The outcomes that became known in [known_from, known_before), one row per piece of content, with every
-- count of its snapshot.
--
-- An outcome is the first snapshot taken at or after posted_at + horizon, known when it was taken.
-- If none comes by the end of the grace period, the last one before it counts, known at that end.
-- An export is one look at every post on the day it was made: it counts for posts past their horizon
-- then, as known at that horizon, and never for a younger one, which is not ripe in it.
CREATE OR REPLACE FUNCTION matured_outcomes(
    known_from TIMESTAMPTZ, known_before TIMESTAMPTZ, horizon INTERVAL, grace INTERVAL
) RETURNS TABLE (
    decision_id TEXT,
    decision_type TEXT,
    tweet_id TEXT,
    posted_at TIMESTAMPTZ,
    collected_at TIMESTAMPTZ,
    known_at TIMESTAMPTZ,
    matured_by TEXT,
    account TEXT,
    followers_gained BIGINT,
    likes BIGINT,
    impressions BIGINT,
    profile_clicks BIGINT,
    engagements BIGINT,
    replies BIGINT,
    reposts BIGINT,
    bookmarks BIGINT,
    shares BIGINT,
    detail_expands BIGINT,
    url_clicks BIGINT,
    hashtag_clicks BIGINT,
    permalink_clicks BIGINT
)
LANGUAGE sql STABLE AS $$
    SELECT
        content.decision_id::TEXT,
        content.decision_type,
        content.tweet_id,
        content.posted_at,
        snapshot.collected_at,
        snapshot.known_at,
        snapshot.matured_by,
        lower(content.target_username) AS account,
        plausible_count(snapshot.followers_gained::NUMERIC),
        plausible_count(snapshot.likes::NUMERIC),
        plausible_count(snapshot.impressions::NUMERIC),
        plausible_count(snapshot.profile_clicks::NUMERIC),
        plausible_count(snapshot.engagements::NUMERIC),
        plausible_count(snapshot.replies::NUMERIC),
        plausible_count(snapshot.reposts::NUMERIC),
        plausible_count(snapshot.bookmarks::NUMERIC),
        plausible_count(snapshot.shares::NUMERIC),
        plausible_count(snapshot.detail_expands::NUMERIC),
        plausible_count(snapshot.url_clicks::NUMERIC),
        plausible_count(snapshot.hashtag_clicks::NUMERIC),
        plausible_count(snapshot.permalink_clicks::NUMERIC)
    FROM own_posts AS content
    CROSS JOIN LATERAL (
        SELECT
            metrics.*,
            CASE
                WHEN metrics.source = 'export' THEN content.posted_at + horizon
                WHEN metrics.collected_at >= content.posted_at + horizon THEN metrics.collected_at
                ELSE content.posted_at + horizon + grace
            END AS known_at,
            CASE
                WHEN metrics.source = 'export' THEN 'export'
                WHEN metrics.collected_at >= content.posted_at + horizon THEN 'horizon'
                ELSE 'grace'
            END AS matured_by
        FROM snapshots AS metrics
        WHERE
            metrics.tweet_id = content.tweet_id
            AND metrics.collected_at >= content.posted_at
            AND (
                CASE WHEN metrics.source = 'export'
                    THEN metrics.collected_at >= content.posted_at + horizon
                    ELSE metrics.collected_at <= content.posted_at + horizon + grace
                END
            )
        ORDER BY
            (metrics.collected_at < content.posted_at + horizon),
            abs(extract(EPOCH FROM metrics.collected_at - content.posted_at - horizon)),
            metrics.impressions DESC NULLS LAST,
            metrics.likes DESC NULLS LAST,
            metrics.followers_gained DESC NULLS LAST,
            metrics.profile_clicks DESC NULLS LAST,
            metrics.engagements DESC NULLS LAST,
            metrics.source
        LIMIT 1
    ) AS snapshot
    WHERE
        content.is_posted
        -- known_at lies between the horizon and the end of grace, which bounds what must be read
        AND content.posted_at >= known_from - horizon - grace
        AND content.posted_at < known_before - horizon
        AND snapshot.known_at >= known_from
        AND snapshot.known_at < known_before
$$;

-- Every opportunity that may be taken at an instant, with its slots and its score as they are then.
CREATE OR REPLACE FUNCTION open_opportunities(at TIMESTAMPTZ)
RETURNS TABLE (
    opportunity_id TEXT, tweet_id TEXT, target_username TEXT, account TEXT, tweet_text TEXT,
    slots JSONB, score NUMERIC, posted_minutes_ago BIGINT
)
LANGUAGE sql STABLE AS $$
    -- bounds as scalar subqueries: so the indexes on instants are used, and a long history costs nothing
    WITH used AS (
        SELECT at - coalesce((loop_setting('opportunity_use_hours'))::INTEGER, 24) * INTERVAL '1 hour' AS since
    )

    SELECT
        rated.opportunity_id, rated.tweet_id, rated.target_username, rated.account, rated.tweet_text, rated.slots,
        rated.score, rated.posted_minutes_ago
    FROM rated_opportunities(at) AS rated
    WHERE
        rated.discovered_at > (SELECT used.since FROM used)
        AND rated.discovered_at <= at
        AND rated.posted_at > (SELECT used.since FROM used)
        AND rated.account NOT IN (SELECT away.account FROM away_from_queue(at) AS away)
        AND rated.tweet_id NOT IN (
            SELECT claim.tweet_id FROM opportunity_claims AS claim WHERE claim.lease_until > at
        )
        AND NOT EXISTS (SELECT FROM own_posts AS own WHERE own.tweet_id = rated.tweet_id)
        AND NOT EXISTS (SELECT FROM own_posts AS own WHERE own.target_tweet_id = rated.tweet_id)
$$;

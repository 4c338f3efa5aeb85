-- Every opportunity that may be taken at an instant, with its slots and its score as they are then.
CREATE OR REPLACE FUNCTION open_opportunities(at TIMESTAMPTZ)
RETURNS TABLE (
    opportunity_id TEXT, tweet_id TEXT, target_username TEXT, account TEXT, tweet_text TEXT,
    slots JSONB, score NUMERIC, posted_minutes_ago BIGINT
)
LANGUAGE sql STABLE AS $$
    WITH numbers AS (
        SELECT
            at - coalesce((loop_setting('opportunity_use_hours'))::INTEGER, 24) * INTERVAL '1 hour' AS used_from,
            at - coalesce((loop_setting('author_cooldown_hours'))::INTEGER, 24) * INTERVAL '1 hour' AS rested_from
    ),

    -- bounds as scalar subqueries: so the indexes on instants are used, and a long history costs nothing
    fresh AS MATERIALIZED (
        SELECT
            found.id::TEXT AS opportunity_id, found.tweet_id, found.target_username, found.tweet_text,
            found.search_query, found.like_count, found.reply_count, found.author_follower_count,
            lower(found.target_username) AS account,
            coalesce(
                found.tweet_posted_at,
                -- a bot's own table may hold any number
                found.discovered_at
                - least(greatest(found.posted_minutes_ago, 0), 1000000)::INTEGER * INTERVAL '1 minute',
                found.discovered_at
            ) AS posted_at
        FROM found_posts AS found
        WHERE
            found.discovered_at > (SELECT numbers.used_from FROM numbers)
            AND found.discovered_at <= at
            AND found.tweet_id IS NOT NULL
            AND found.target_username ~ '^[A-Za-z0-9_]{1,15}$'
    ),

    resting AS MATERIALIZED (
        SELECT lower(own.target_username) AS account
        FROM own_posts AS own
        WHERE own.posted_at > (SELECT numbers.rested_from FROM numbers) AND own.target_username IS NOT NULL
    ),

    leased AS MATERIALIZED (
        SELECT claim.tweet_id, claim.account
        FROM opportunity_claims AS claim
        WHERE claim.lease_until > at
    ),

    free AS MATERIALIZED (
        SELECT fresh.*, floor(extract(EPOCH FROM at - fresh.posted_at) / 60)::BIGINT AS age_minutes
        FROM fresh
        WHERE
            fresh.posted_at > (SELECT numbers.used_from FROM numbers)
            AND fresh.account NOT IN (SELECT resting.account FROM resting)
            AND fresh.account NOT IN (SELECT leased.account FROM leased WHERE leased.account IS NOT NULL)
            AND fresh.tweet_id NOT IN (SELECT leased.tweet_id FROM leased)
            AND NOT EXISTS (SELECT FROM own_posts AS own WHERE own.tweet_id = fresh.tweet_id)
            AND NOT EXISTS (SELECT FROM own_posts AS own WHERE own.target_tweet_id = fresh.tweet_id)
    )

    SELECT
        free.opportunity_id,
        free.tweet_id,
        free.target_username,
        free.account,
        free.tweet_text,
        opportunity_slots(
            free.like_count::BIGINT, coalesce(free.author_follower_count::BIGINT, author.follower_count),
            free.age_minutes, free.search_query
        ),
        opportunity_score(free.like_count::BIGINT, author.average, free.age_minutes, free.reply_count::BIGINT),
        free.age_minutes
    FROM free
    LEFT JOIN LATERAL (
        SELECT
            max(known.follower_count)::BIGINT AS follower_count,
            max(known.avg_followers_per_reply)::DOUBLE PRECISION AS average
        FROM accounts AS known
        WHERE lower(known.username) = free.account
    ) AS author ON TRUE
$$;

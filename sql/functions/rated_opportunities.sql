-- Every post found that could be answered at all, with its slots and its score as they are at an instant.
CREATE OR REPLACE FUNCTION rated_opportunities(at TIMESTAMPTZ)
RETURNS TABLE (
    opportunity_id TEXT, tweet_id TEXT, target_username TEXT, account TEXT, tweet_text TEXT,
    discovered_at TIMESTAMPTZ, recorded_at TIMESTAMPTZ, posted_at TIMESTAMPTZ, slots JSONB, score NUMERIC,
    posted_minutes_ago BIGINT
)
LANGUAGE sql STABLE AS $$
    SELECT
        found.id::TEXT,
        found.tweet_id,
        found.target_username,
        lower(found.target_username),
        found.tweet_text,
        found.discovered_at,
        found.recorded_at,
        posted.at,
        opportunity_slots(
            found.like_count::BIGINT, coalesce(found.author_follower_count::BIGINT, author.follower_count),
            age.minutes, found.search_query
        ),
        opportunity_score(found.like_count::BIGINT, author.average, age.minutes, found.reply_count::BIGINT),
        age.minutes
    FROM found_posts AS found
    CROSS JOIN LATERAL (
        SELECT
            coalesce(
                found.tweet_posted_at,
                -- a bot's own table may hold any number
                found.discovered_at
                - least(greatest(found.posted_minutes_ago, 0), 1000000)::INTEGER * INTERVAL '1 minute',
                found.discovered_at
            ) AS at
    ) AS posted
    CROSS JOIN LATERAL (
        SELECT floor(extract(EPOCH FROM rated_opportunities.at - posted.at) / 60)::BIGINT AS minutes
    ) AS age
    LEFT JOIN LATERAL (
        SELECT
            max(known.follower_count)::BIGINT AS follower_count,
            max(known.avg_followers_per_reply)::DOUBLE PRECISION AS average
        FROM accounts AS known
        WHERE lower(known.username) = lower(found.target_username)
    ) AS author ON TRUE
    WHERE found.tweet_id IS NOT NULL AND found.target_username ~ '^[A-Za-z0-9_]{1,15}$'
$$;

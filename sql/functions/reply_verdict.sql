-- The verdict on a reply from all its snapshots: high from the first that shows at least 15 followers, at
-- any age; else low if the first ripe one that knows both shows fewer than 2 followers and 5 likes.
CREATE OR REPLACE FUNCTION reply_verdict(decided_tweet TEXT)
RETURNS TABLE (account TEXT, verdict TEXT, collected_at TIMESTAMPTZ, followers_gained BIGINT, likes BIGINT)
LANGUAGE sql STABLE AS $$
    WITH numbers AS (
        SELECT
            coalesce((loop_setting('high_followers'))::INTEGER, 15) AS high_followers,
            coalesce((loop_setting('low_followers'))::INTEGER, 2) AS low_followers,
            coalesce((loop_setting('low_likes'))::INTEGER, 5) AS low_likes,
            coalesce((loop_setting('horizon_hours'))::INTEGER, 24) * INTERVAL '1 hour' AS horizon
    ),

    reply AS (
        SELECT content.tweet_id, content.posted_at, lower(content.target_username) AS account
        FROM own_posts AS content
        WHERE content.tweet_id = decided_tweet AND content.target_username IS NOT NULL
        ORDER BY content.posted_at, content.decision_id::TEXT
        LIMIT 1
    ),

    high AS (
        SELECT 'high' AS verdict, metrics.collected_at, metrics.followers_gained, metrics.likes
        FROM snapshots AS metrics
        CROSS JOIN numbers
        WHERE metrics.tweet_id = decided_tweet AND metrics.followers_gained >= numbers.high_followers
        ORDER BY metrics.collected_at, metrics.followers_gained DESC, metrics.likes DESC NULLS LAST
        LIMIT 1
    ),

    ripe AS (
        SELECT 'low' AS verdict, metrics.collected_at, metrics.followers_gained, metrics.likes
        FROM snapshots AS metrics
        INNER JOIN reply ON metrics.tweet_id = reply.tweet_id
        CROSS JOIN numbers
        WHERE
            metrics.collected_at >= reply.posted_at + numbers.horizon
            AND metrics.followers_gained IS NOT NULL
            AND metrics.likes IS NOT NULL
        ORDER BY metrics.collected_at, metrics.followers_gained DESC, metrics.likes DESC
        LIMIT 1
    ),

    said AS (
        SELECT * FROM high
        UNION ALL
        SELECT ripe.*
        FROM ripe
        CROSS JOIN numbers
        WHERE
            ripe.followers_gained < numbers.low_followers
            AND ripe.likes < numbers.low_likes
            AND NOT EXISTS (SELECT FROM high)
    )

    SELECT reply.account, said.verdict, said.collected_at, said.followers_gained::BIGINT, said.likes::BIGINT
    FROM reply
    LEFT JOIN said ON TRUE
$$;

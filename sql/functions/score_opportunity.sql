-- Tiers and score of a post at the moment it is found; what is known of its author is taken into account.
CREATE OR REPLACE FUNCTION score_opportunity(
    like_count BIGINT,
    posted_minutes_ago BIGINT,
    reply_count BIGINT,
    username TEXT DEFAULT NULL,
    follower_count BIGINT DEFAULT NULL
) RETURNS TABLE (
    engagement_tier TEXT, account_size_tier TEXT, timing_window TEXT, opportunity_score_v2 NUMERIC
)
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT
        engagement_tier(score_opportunity.like_count),
        account_size_tier(coalesce(score_opportunity.follower_count, author.follower_count)),
        timing_window(score_opportunity.posted_minutes_ago),
        opportunity_score(
            score_opportunity.like_count,
            author.avg_followers_per_reply,
            score_opportunity.posted_minutes_ago,
            score_opportunity.reply_count
        )
    FROM (
        SELECT
            max(known.follower_count)::BIGINT AS follower_count,
            max(known.avg_followers_per_reply)::DOUBLE PRECISION AS avg_followers_per_reply
        FROM accounts AS known
        WHERE lower(known.username) = lower(ltrim(score_opportunity.username, '@'))
    ) AS author
$$;

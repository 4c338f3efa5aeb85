-- Reads posts into the queue as they are at an instant, in place of what it held of them: with a slot where
-- they are open, and with the span of time in which neither their age nor the end of their use changes that.
CREATE OR REPLACE FUNCTION read_into_queue(tweets TEXT[], kept_from TIMESTAMPTZ, at TIMESTAMPTZ) RETURNS VOID
LANGUAGE plpgsql AS $$
DECLARE
    used CONSTANT INTERVAL := coalesce((loop_setting('opportunity_use_hours'))::INTEGER, 24) * INTERVAL '1 hour';
BEGIN
    DELETE FROM queue_posts AS held USING unnest(tweets) AS told (tweet_id) WHERE held.tweet_id = told.tweet_id;
    WITH rated AS MATERIALIZED (
        SELECT
            post.tweet_id, post.opportunity_id, post.account, post.discovered_at, post.recorded_at, post.slots,
            post.score,
            CASE
                WHEN post.discovered_at > read_into_queue.at THEN '-infinity'
                WHEN use.ends_at <= read_into_queue.at THEN use.ends_at
                ELSE greatest(post.discovered_at, post.posted_at + step.since * INTERVAL '1 minute')
            END AS since,
            CASE
                WHEN post.discovered_at > read_into_queue.at THEN post.discovered_at
                WHEN use.ends_at <= read_into_queue.at THEN 'infinity'
                ELSE least(use.ends_at, post.posted_at + step.until * INTERVAL '1 minute')
            END AS until,
            post.discovered_at <= read_into_queue.at
            AND use.ends_at > read_into_queue.at
            AND NOT EXISTS (SELECT FROM queue_away AS away WHERE away.account = post.account)
            AND NOT EXISTS (
                SELECT FROM opportunity_claims AS claim
                WHERE claim.tweet_id = post.tweet_id AND claim.lease_until > read_into_queue.at
            )
            AND NOT EXISTS (SELECT FROM own_posts AS own WHERE own.tweet_id = post.tweet_id)
            AND NOT EXISTS (SELECT FROM own_posts AS own WHERE own.target_tweet_id = post.tweet_id) AS is_open
        FROM unnest(tweets) AS told (tweet_id)
        INNER JOIN rated_opportunities(read_into_queue.at) AS post ON told.tweet_id = post.tweet_id
        CROSS JOIN LATERAL (SELECT least(post.discovered_at, post.posted_at) + used AS ends_at) AS use
        -- the ages at which timing_window or opportunity_score change
        CROSS JOIN LATERAL (
            SELECT
                CASE
                    WHEN post.posted_minutes_ago >= 1440 THEN 1440
                    WHEN post.posted_minutes_ago >= 360 THEN 360
                    WHEN post.posted_minutes_ago >= 120 THEN 120
                END AS since,
                CASE
                    WHEN post.posted_minutes_ago < 120 THEN 120
                    WHEN post.posted_minutes_ago < 360 THEN 360
                    WHEN post.posted_minutes_ago < 1440 THEN 1440
                END AS until
        ) AS step
        WHERE post.discovered_at > kept_from
    ),

    new_slots AS (
        INSERT INTO queue_slots (slot, slots)
        SELECT md5(open.slots::TEXT)::UUID, open.slots
        FROM (SELECT DISTINCT rated.slots FROM rated WHERE rated.is_open) AS open
        ON CONFLICT DO NOTHING
    )

    INSERT INTO queue_posts (
        tweet_id, opportunity_id, account, discovered_at, recorded_at, since, until, slot, score
    )
    SELECT
        rated.tweet_id, rated.opportunity_id, rated.account, rated.discovered_at, rated.recorded_at, rated.since,
        rated.until, CASE WHEN rated.is_open THEN md5(rated.slots::TEXT)::UUID END, rated.score
    FROM rated;
    IF cardinality(tweets) > 1000 THEN
        ANALYZE queue_posts, queue_slots; -- else a claim is planned for an empty queue
    END IF;
END
$$;

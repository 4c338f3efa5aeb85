-- The best post among those that the queue holds with these slots, as it is at an instant. Where the bot has
-- changed or deleted its row since, it is read again and the answer is empty.
CREATE OR REPLACE FUNCTION best_in_queue(wanted JSONB, at TIMESTAMPTZ) RETURNS TABLE (
    opportunity_id TEXT, tweet_id TEXT, target_username TEXT, account TEXT, tweet_text TEXT, slots JSONB,
    score NUMERIC
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    best RECORD;
BEGIN
    SELECT known.slots, head.* INTO best
    FROM queue_slots AS known
    CROSS JOIN LATERAL (
        SELECT post.tweet_id, post.opportunity_id, post.score
        FROM queue_posts AS post
        WHERE post.slot = known.slot
        ORDER BY post.score DESC, post.tweet_id COLLATE "C"
        LIMIT 1
    ) AS head
    WHERE known.slots @> wanted
    ORDER BY head.score DESC, head.tweet_id COLLATE "C"
    LIMIT 1;
    RETURN QUERY SELECT
        now_rated.opportunity_id, now_rated.tweet_id, now_rated.target_username, now_rated.account,
        now_rated.tweet_text, now_rated.slots, now_rated.score
    FROM rated_opportunities(best_in_queue.at) AS now_rated
    WHERE
        now_rated.tweet_id = best.tweet_id
        AND (now_rated.opportunity_id, now_rated.slots, now_rated.score)
        IS NOT DISTINCT FROM (best.opportunity_id, best.slots, best.score)
    LIMIT 1;
    IF NOT FOUND THEN
        PERFORM read_into_queue(ARRAY[best.tweet_id], '-infinity', best_in_queue.at);
    END IF;
END
$$;

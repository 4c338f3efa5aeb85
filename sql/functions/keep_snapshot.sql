-- Keeps a snapshot that was told, in the bot's table. Of two at one instant the greater count stands; of a
-- table with one row a post, which is the newest, the history is kept apart. The counts are in the order of
-- record_metrics. Returns whether anything of it was new.
CREATE OR REPLACE FUNCTION keep_snapshot(kept_tweet TEXT, kept_at TIMESTAMPTZ, counts BIGINT[])
RETURNS BOOLEAN
LANGUAGE plpgsql AS $$
BEGIN
    IF bot_overwrites() THEN
        IF NOT see_snapshot(kept_tweet, kept_at, counts) THEN
            RETURN FALSE;
        END IF;
        UPDATE bot_snapshots AS known
        SET
            collected_at = kept_at,
            followers_gained = coalesce(counts[1], known.followers_gained),
            likes = coalesce(counts[2], known.likes),
            impressions = coalesce(counts[3], known.impressions),
            profile_clicks = coalesce(counts[4], known.profile_clicks),
            replies = coalesce(counts[5], known.replies),
            reposts = coalesce(counts[6], known.reposts),
            bookmarks = coalesce(counts[7], known.bookmarks),
            engagements = coalesce(counts[8], known.engagements),
            recorded_at = clock_timestamp()
        WHERE known.tweet_id = kept_tweet AND (known.collected_at <= kept_at) IS NOT FALSE;
        IF EXISTS (SELECT FROM bot_snapshots AS known WHERE known.tweet_id = kept_tweet) THEN
            RETURN TRUE;
        END IF;
    ELSIF EXISTS (
        SELECT FROM bot_snapshots AS known
        WHERE
            known.tweet_id = kept_tweet AND known.collected_at = kept_at AND known.source IS DISTINCT FROM 'export'
    ) THEN
        UPDATE bot_snapshots AS known
        SET
            followers_gained = greatest(known.followers_gained, counts[1]),
            likes = greatest(known.likes, counts[2]),
            impressions = greatest(known.impressions, counts[3]),
            profile_clicks = greatest(known.profile_clicks, counts[4]),
            replies = greatest(known.replies, counts[5]),
            reposts = greatest(known.reposts, counts[6]),
            bookmarks = greatest(known.bookmarks, counts[7]),
            engagements = greatest(known.engagements, counts[8]),
            recorded_at = clock_timestamp()
        WHERE
            known.tweet_id = kept_tweet AND known.collected_at = kept_at AND known.source IS DISTINCT FROM 'export'
            AND tells_more(counts, ARRAY[
                known.followers_gained, known.likes, known.impressions, known.profile_clicks, known.replies,
                known.reposts, known.bookmarks, known.engagements
            ]);
        RETURN FOUND;
    END IF;
    INSERT INTO bot_snapshots (
        tweet_id, collected_at, source, followers_gained, likes, impressions, profile_clicks, replies, reposts,
        bookmarks, engagements
    )
    VALUES (
        kept_tweet, kept_at, 'bot', counts[1], counts[2], counts[3], counts[4], counts[5], counts[6], counts[7],
        counts[8]
    )
    ON CONFLICT DO NOTHING;
    -- a bot's own key may not tell an export of that instant from a snapshot, and a trigger of its own may
    -- take no row without a word
    RETURN FOUND OR bot_overwrites() OR see_snapshot(kept_tweet, kept_at, counts);
END
$$;

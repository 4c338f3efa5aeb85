-- Keeps a snapshot that the bot's own table does not. Of two at one instant the greater count stands. The
-- counts are in the order of record_metrics. Returns whether anything of it was new.
CREATE OR REPLACE FUNCTION see_snapshot(seen_tweet TEXT, seen_at TIMESTAMPTZ, counts BIGINT[]) RETURNS BOOLEAN
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO seen_snapshots AS known (
        tweet_id, collected_at, followers_gained, likes, impressions, profile_clicks, replies, reposts, bookmarks,
        engagements
    )
    VALUES (
        seen_tweet, seen_at, counts[1], counts[2], counts[3], counts[4], counts[5], counts[6], counts[7], counts[8]
    )
    ON CONFLICT (tweet_id, collected_at, source) DO UPDATE SET
        followers_gained = greatest(known.followers_gained, excluded.followers_gained),
        likes = greatest(known.likes, excluded.likes),
        impressions = greatest(known.impressions, excluded.impressions),
        profile_clicks = greatest(known.profile_clicks, excluded.profile_clicks),
        replies = greatest(known.replies, excluded.replies),
        reposts = greatest(known.reposts, excluded.reposts),
        bookmarks = greatest(known.bookmarks, excluded.bookmarks),
        engagements = greatest(known.engagements, excluded.engagements),
        recorded_at = clock_timestamp() -- it may come too late for a closed day
    WHERE tells_more(counts, ARRAY[
        known.followers_gained, known.likes, known.impressions, known.profile_clicks, known.replies,
        known.reposts, known.bookmarks, known.engagements
    ]);
    RETURN FOUND;
END
$$;

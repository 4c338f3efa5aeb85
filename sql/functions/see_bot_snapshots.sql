-- Keeps what has changed in snapshots that the bot overwrites: each change seen is a snapshot of its own, of
-- the instant that the bot says, or of the look where that has not moved; what was told, or came in an
-- export, is no look. Posts of the last 30 days, and those never looked at. Returns how many were new.
CREATE OR REPLACE FUNCTION see_bot_snapshots(at TIMESTAMPTZ) RETURNS BIGINT
LANGUAGE sql AS $$
    WITH added AS (
        INSERT INTO seen_snapshots (
            tweet_id, collected_at, source, impressions, likes, replies, reposts, bookmarks, shares, engagements,
            followers_gained, profile_clicks, detail_expands, url_clicks, hashtag_clicks, permalink_clicks
        )
        SELECT
            present.tweet_id,
            CASE
                WHEN known.collected_at >= least(present.collected_at, at) THEN at
                ELSE least(present.collected_at, at)
            END,
            'look',
            present.impressions, present.likes, present.replies, present.reposts, present.bookmarks, present.shares,
            present.engagements, present.followers_gained, present.profile_clicks, present.detail_expands,
            present.url_clicks, present.hashtag_clicks, present.permalink_clicks
        FROM bot_snapshots AS present
        LEFT JOIN LATERAL (
            SELECT seen.*
            FROM seen_snapshots AS seen
            WHERE seen.tweet_id = present.tweet_id AND seen.source = 'look'
            ORDER BY seen.collected_at DESC
            LIMIT 1
        ) AS known ON TRUE
        WHERE
            bot_overwrites()
            AND present.tweet_id IS NOT NULL
            AND present.collected_at IS NOT NULL
            AND (
                known.tweet_id IS NULL
                OR present.tweet_id IN (
                    SELECT own.tweet_id FROM own_posts AS own WHERE own.posted_at > at - INTERVAL '30 days'
                )
            )
            AND (
                present.impressions, present.likes, present.replies, present.reposts, present.bookmarks,
                present.shares, present.engagements, present.followers_gained, present.profile_clicks,
                present.detail_expands, present.url_clicks, present.hashtag_clicks, present.permalink_clicks
            ) IS DISTINCT FROM (
                known.impressions, known.likes, known.replies, known.reposts, known.bookmarks, known.shares,
                known.engagements, known.followers_gained, known.profile_clicks, known.detail_expands,
                known.url_clicks, known.hashtag_clicks, known.permalink_clicks
            )
        ON CONFLICT DO NOTHING
        RETURNING tweet_id
    )

    SELECT count(*) FROM added
$$;

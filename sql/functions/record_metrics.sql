-- A snapshot of a reply's counts; feedback to its account follows at once. Of two at one instant the
-- greater count stands.
CREATE OR REPLACE FUNCTION record_metrics(
    tweet_id TEXT,
    collected_at TIMESTAMPTZ,
    followers_gained BIGINT DEFAULT NULL,
    likes BIGINT DEFAULT NULL,
    impressions BIGINT DEFAULT NULL,
    profile_clicks BIGINT DEFAULT NULL,
    replies BIGINT DEFAULT NULL,
    reposts BIGINT DEFAULT NULL,
    bookmarks BIGINT DEFAULT NULL,
    engagements BIGINT DEFAULT NULL
) RETURNS JSONB
LANGUAGE plpgsql SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE
    counts BIGINT[] := ARRAY[
        record_metrics.followers_gained, record_metrics.likes, record_metrics.impressions,
        record_metrics.profile_clicks, record_metrics.replies, record_metrics.reposts,
        record_metrics.bookmarks, record_metrics.engagements
    ];
    breach TEXT := contract_breach(
        record_metrics.tweet_id, NULL, counts, record_metrics.collected_at, 'collected_at'
    );
    raw JSONB := jsonb_build_object(
        'tweet_id', left(record_metrics.tweet_id, 400), 'collected_at', record_metrics.collected_at,
        'counts', counts
    );
    is_new BOOLEAN;
BEGIN
    PERFORM one_at_a_time('tell');
    IF breach IS NOT NULL THEN
        RETURN keep_in_quarantine('record_metrics', breach, raw);
    END IF;
    IF EXISTS (
        SELECT FROM bot_snapshots AS known
        WHERE
            known.tweet_id = record_metrics.tweet_id
            AND known.collected_at = record_metrics.collected_at
            AND known.source IS DISTINCT FROM 'export'
    ) THEN
        UPDATE bot_snapshots AS known
        SET
            followers_gained = greatest(known.followers_gained, record_metrics.followers_gained),
            likes = greatest(known.likes, record_metrics.likes),
            impressions = greatest(known.impressions, record_metrics.impressions),
            profile_clicks = greatest(known.profile_clicks, record_metrics.profile_clicks),
            replies = greatest(known.replies, record_metrics.replies),
            reposts = greatest(known.reposts, record_metrics.reposts),
            bookmarks = greatest(known.bookmarks, record_metrics.bookmarks),
            engagements = greatest(known.engagements, record_metrics.engagements),
            recorded_at = clock_timestamp()
        WHERE
            known.tweet_id = record_metrics.tweet_id
            AND known.collected_at = record_metrics.collected_at
            AND known.source IS DISTINCT FROM 'export'
            AND tells_more(counts, ARRAY[
                known.followers_gained, known.likes, known.impressions, known.profile_clicks, known.replies,
                known.reposts, known.bookmarks, known.engagements
            ]);
        is_new := FOUND;
    ELSE
        INSERT INTO bot_snapshots (
            tweet_id, collected_at, source, followers_gained, likes, impressions, profile_clicks, replies, reposts,
            bookmarks, engagements
        )
        VALUES (
            record_metrics.tweet_id, record_metrics.collected_at, 'bot', record_metrics.followers_gained,
            record_metrics.likes, record_metrics.impressions, record_metrics.profile_clicks, record_metrics.replies,
            record_metrics.reposts, record_metrics.bookmarks, record_metrics.engagements
        )
        ON CONFLICT DO NOTHING;
        is_new := FOUND;
        -- a bot's own key may not tell an export of that instant from a snapshot, and a trigger of its own
        -- may take no row without a word
        IF NOT is_new THEN
            is_new := see_snapshot(record_metrics.tweet_id, record_metrics.collected_at, counts);
        END IF;
    END IF;
    IF is_new THEN
        IF bot_overwrites() THEN
            PERFORM see_snapshot(record_metrics.tweet_id, record_metrics.collected_at, counts);
        END IF;
        PERFORM refresh_actuals(record_metrics.tweet_id);
    END IF;
    RETURN jsonb_build_object(
        'status', CASE WHEN is_new THEN 'recorded' ELSE 'unchanged' END,
        'feedback', give_feedback(record_metrics.tweet_id)
    );
EXCEPTION
    -- what the bot's own table does not take is kept here, and counts all the same
    WHEN OTHERS THEN
        PERFORM keep_refused('record_metrics', SQLSTATE, SQLERRM, raw);
        is_new := see_snapshot(record_metrics.tweet_id, record_metrics.collected_at, counts);
        RETURN jsonb_build_object(
            'status', CASE WHEN is_new THEN 'recorded' ELSE 'unchanged' END,
            'kept_apart', SQLERRM, 'feedback', give_feedback(record_metrics.tweet_id)
        );
END
$$;

-- A snapshot of a reply's counts; feedback to its account follows at once.
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
    at TIMESTAMPTZ := record_metrics.collected_at;
    is_new BOOLEAN;
BEGIN
    PERFORM one_at_a_time('tell');
    IF breach IS NOT NULL THEN
        RETURN keep_in_quarantine('record_metrics', breach, raw);
    END IF;
    at := snapshot_instant(at); -- as exactly as the bot's table holds it
    is_new := keep_snapshot(record_metrics.tweet_id, at, counts);
    IF is_new THEN
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
        is_new := see_snapshot(record_metrics.tweet_id, at, counts);
        RETURN jsonb_build_object(
            'status', CASE WHEN is_new THEN 'recorded' ELSE 'unchanged' END,
            'kept_apart', SQLERRM, 'feedback', give_feedback(record_metrics.tweet_id)
        );
END
$$;

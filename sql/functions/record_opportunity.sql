-- A post that was found. One that is known stays as it was found first.
CREATE OR REPLACE FUNCTION record_opportunity(
    tweet_id TEXT,
    target_username TEXT,
    like_count BIGINT,
    reply_count BIGINT,
    posted_minutes_ago BIGINT,
    author_follower_count BIGINT DEFAULT NULL,
    search_query TEXT DEFAULT NULL,
    tweet_text TEXT DEFAULT NULL,
    discovered_at TIMESTAMPTZ DEFAULT now()
) RETURNS JSONB
LANGUAGE plpgsql SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE
    moment TIMESTAMPTZ := coalesce(record_opportunity.discovered_at, now());
    name TEXT := ltrim(record_opportunity.target_username, '@');
    breach TEXT := contract_breach(
        record_opportunity.tweet_id, coalesce(name, ''),
        ARRAY[
            record_opportunity.like_count, record_opportunity.reply_count,
            record_opportunity.posted_minutes_ago, record_opportunity.author_follower_count
        ],
        moment, 'discovered_at'
    );
    raw JSONB := jsonb_build_object(
        'tweet_id', left(record_opportunity.tweet_id, 400),
        'target_username', left(record_opportunity.target_username, 400),
        'like_count', record_opportunity.like_count, 'reply_count', record_opportunity.reply_count,
        'posted_minutes_ago', record_opportunity.posted_minutes_ago,
        'author_follower_count', record_opportunity.author_follower_count,
        'discovered_at', record_opportunity.discovered_at,
        'search_query', left(record_opportunity.search_query, 1000),
        'tweet_text', left(record_opportunity.tweet_text, 4000)
    );
    rated RECORD;
    is_new BOOLEAN;
BEGIN
    PERFORM one_at_a_time('tell');
    IF breach IS NOT NULL THEN
        RETURN keep_in_quarantine('record_opportunity', breach, raw);
    END IF;
    SELECT * INTO rated FROM score_opportunity(
        record_opportunity.like_count, record_opportunity.posted_minutes_ago, record_opportunity.reply_count,
        name, record_opportunity.author_follower_count
    );
    INSERT INTO found_posts (
        tweet_id, tweet_text, target_username, author_follower_count, like_count, reply_count, search_query,
        tweet_posted_at, posted_minutes_ago, discovered_at, engagement_tier, account_size_tier, timing_window,
        opportunity_score_v2
    )
    SELECT
        record_opportunity.tweet_id, left(record_opportunity.tweet_text, 100000), name,
        record_opportunity.author_follower_count, record_opportunity.like_count, record_opportunity.reply_count,
        left(record_opportunity.search_query, 2000),
        moment - record_opportunity.posted_minutes_ago * INTERVAL '1 minute',
        record_opportunity.posted_minutes_ago, moment,
        rated.engagement_tier, rated.account_size_tier, rated.timing_window, rated.opportunity_score_v2
    WHERE NOT EXISTS (
        SELECT FROM found_posts AS known WHERE known.tweet_id = record_opportunity.tweet_id
    )
    ON CONFLICT DO NOTHING;
    is_new := FOUND;
    IF NOT is_new AND NOT EXISTS (
        SELECT FROM found_posts AS known WHERE known.tweet_id = record_opportunity.tweet_id
    ) THEN
        RETURN keep_in_quarantine('record_opportunity', 'a trigger of reply_opportunities took no row, without a word', raw);
    END IF;
    RETURN jsonb_build_object('status', CASE WHEN is_new THEN 'recorded' ELSE 'unchanged' END) || to_jsonb(rated);
EXCEPTION
    WHEN OTHERS THEN
        RETURN keep_refused('record_opportunity', SQLSTATE, SQLERRM, raw);
END
$$;

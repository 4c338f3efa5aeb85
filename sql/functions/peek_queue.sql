-- The best of the queue, one an author; nothing is decided by looking.
CREATE OR REPLACE FUNCTION peek_queue(most INTEGER DEFAULT 10, at TIMESTAMPTZ DEFAULT now())
RETURNS TABLE (
    tweet_id TEXT, target_username TEXT, tweet_text TEXT, engagement_tier TEXT, account_size TEXT,
    timing_window TEXT, score NUMERIC, likely_generator TEXT, predicted_followers DOUBLE PRECISION,
    reason TEXT
)
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT
        best.tweet_id, best.target_username, best.tweet_text, best.slots ->> 'engagement_tier',
        best.slots ->> 'account_size', best.slots ->> 'timing_window', best.score,
        coalesce(likely.generator_name, loop_setting('default_generator') #>> '{}', 'ResearchSynthesizer'),
        likely.expected_followers,
        explain_opportunity(best.score, best.slots, best.account)
        || coalesce(' ' || likely.reason, '')
    FROM (
        SELECT one.*
        FROM (
            SELECT DISTINCT ON (opened.account) opened.*
            FROM open_opportunities(coalesce(at, now())) AS opened
            ORDER BY opened.account, opened.score DESC, opened.tweet_id COLLATE "C"
        ) AS one
        ORDER BY one.score DESC, one.tweet_id COLLATE "C"
        LIMIT greatest(0, least(coalesce(most, 10), 1000))
    ) AS best
    LEFT JOIN LATERAL (
        SELECT p.generator_name, p.expected_followers, p.reason
        FROM generator_preferences AS p
        WHERE p.account IN (best.account, '*') AND coalesce((loop_setting('generator_choice'))::BOOLEAN, TRUE)
        ORDER BY (p.account = '*'), p.probability DESC, p.generator_name
        LIMIT 1
    ) AS likely ON TRUE
    ORDER BY best.score DESC, best.tweet_id COLLATE "C"
$$;

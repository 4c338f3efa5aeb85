-- Real-time feedback (seed, Phase 4.2): what one reply says about its account, the moment it is seen.
-- All of it is a function of the facts, in whatever order and however often they were told.

-- The verdict on a reply from all its snapshots: high from the first that shows at least 15 followers, at
-- any age; else low if the first ripe one that knows both shows fewer than 2 followers and 5 likes.
CREATE OR REPLACE FUNCTION reply_verdict(decided_tweet TEXT)
RETURNS TABLE (account TEXT, verdict TEXT, collected_at TIMESTAMPTZ, followers_gained BIGINT, likes BIGINT)
LANGUAGE sql STABLE AS $$
    WITH numbers AS (
        SELECT
            coalesce((loop_setting('high_followers'))::INTEGER, 15) AS high_followers,
            coalesce((loop_setting('low_followers'))::INTEGER, 2) AS low_followers,
            coalesce((loop_setting('low_likes'))::INTEGER, 5) AS low_likes,
            coalesce((loop_setting('horizon_hours'))::INTEGER, 24) * INTERVAL '1 hour' AS horizon
    ),

    reply AS (
        SELECT content.tweet_id, content.posted_at, lower(content.target_username) AS account
        FROM content_metadata AS content
        WHERE content.tweet_id = decided_tweet AND content.target_username IS NOT NULL
        ORDER BY content.posted_at, content.decision_id::TEXT
        LIMIT 1
    ),

    high AS (
        SELECT 'high' AS verdict, metrics.collected_at, metrics.followers_gained, metrics.likes
        FROM tweet_metrics AS metrics
        CROSS JOIN numbers
        WHERE metrics.tweet_id = decided_tweet AND metrics.followers_gained >= numbers.high_followers
        ORDER BY metrics.collected_at, metrics.followers_gained DESC, metrics.likes DESC NULLS LAST
        LIMIT 1
    ),

    ripe AS (
        SELECT 'low' AS verdict, metrics.collected_at, metrics.followers_gained, metrics.likes
        FROM tweet_metrics AS metrics
        INNER JOIN reply ON metrics.tweet_id = reply.tweet_id
        CROSS JOIN numbers
        WHERE
            metrics.collected_at >= reply.posted_at + numbers.horizon
            AND metrics.followers_gained IS NOT NULL
            AND metrics.likes IS NOT NULL
        ORDER BY metrics.collected_at, metrics.followers_gained DESC, metrics.likes DESC
        LIMIT 1
    ),

    said AS (
        SELECT * FROM high
        UNION ALL
        SELECT ripe.*
        FROM ripe
        CROSS JOIN numbers
        WHERE
            ripe.followers_gained < numbers.low_followers
            AND ripe.likes < numbers.low_likes
            AND NOT EXISTS (SELECT FROM high)
    )

    SELECT reply.account, said.verdict, said.collected_at, said.followers_gained::BIGINT, said.likes::BIGINT
    FROM reply
    LEFT JOIN said ON TRUE
$$;

-- Folds an account's priority anew from its base over all its verdicts, in the order (collected_at,
-- tweet_id): the order in which they arrived does not matter. The base is what the account had before its
-- first verdict; without any verdict it has that again.
CREATE OR REPLACE FUNCTION fold_account(folded_account TEXT) RETURNS VOID
LANGUAGE plpgsql AS $$
DECLARE
    score DOUBLE PRECISION;
    heard RECORD;
    succeeded TIMESTAMPTZ;
    is_moved BOOLEAN;
BEGIN
    UPDATE discovered_accounts AS known
    SET
        base_priority_score = coalesce(known.priority_score, 0.5),
        base_last_success_at = known.last_success_at
    WHERE lower(known.username) = folded_account AND known.base_priority_score IS NULL;
    SELECT known.base_priority_score INTO score
    FROM discovered_accounts AS known
    WHERE lower(known.username) = folded_account
    ORDER BY known.username
    LIMIT 1;
    FOR heard IN
        SELECT * FROM reply_feedback AS f
        WHERE f.account = folded_account
        ORDER BY f.collected_at, f.tweet_id COLLATE "C"
    LOOP
        IF heard.verdict = 'high' THEN
            score := 0.95;
            succeeded := heard.collected_at;
        ELSE
            score := greatest(0.2, score - 0.1);
        END IF;
    END LOOP;
    is_moved := FOUND;
    UPDATE discovered_accounts AS known
    SET
        priority_score = score,
        high_priority = coalesce(known.high_priority, FALSE) OR succeeded IS NOT NULL,
        last_success_at = greatest(known.base_last_success_at, succeeded),
        base_priority_score = CASE WHEN is_moved THEN known.base_priority_score END,
        updated_at = clock_timestamp()
    WHERE lower(known.username) = folded_account;
END
$$;

-- Takes what is now known of a reply into its account. Returns the verdict, NULL while there is none. What
-- a bot's own table of accounts does not take is in quarantine, and what was told stands all the same.
CREATE OR REPLACE FUNCTION give_feedback(decided_tweet TEXT) RETURNS TEXT
LANGUAGE plpgsql AS $$
DECLARE
    said RECORD;
    before reply_feedback;
BEGIN
    IF NOT coalesce((loop_setting('feedback'))::BOOLEAN, TRUE) THEN
        RETURN NULL;
    END IF;
    SELECT * INTO said FROM reply_verdict(decided_tweet);
    IF said.account IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT * INTO before FROM reply_feedback AS f WHERE f.tweet_id = decided_tweet;
    IF (before.account, before.verdict, before.collected_at, before.followers_gained, before.likes)
        IS DISTINCT FROM (
            CASE WHEN said.verdict IS NOT NULL THEN said.account END,
            said.verdict, said.collected_at, said.followers_gained, said.likes
        )
    THEN
        DELETE FROM reply_feedback AS f WHERE f.tweet_id = decided_tweet;
        INSERT INTO reply_feedback (tweet_id, account, verdict, collected_at, followers_gained, likes)
        SELECT decided_tweet, said.account, said.verdict, said.collected_at, said.followers_gained, said.likes
        WHERE said.verdict IS NOT NULL;
        INSERT INTO discovered_accounts (username)
        SELECT said.account
        WHERE NOT EXISTS (SELECT FROM discovered_accounts AS known WHERE lower(known.username) = said.account);
        PERFORM fold_account(said.account);
        IF before.account <> said.account THEN
            PERFORM fold_account(before.account);
        END IF;
    END IF;
    -- an account that was boosted is rated with its fresh replies at once, the others by the account rollup
    IF EXISTS (SELECT FROM reply_feedback AS f WHERE f.account = said.account AND f.verdict = 'high') THEN
        UPDATE discovered_accounts AS known
        SET avg_followers_per_reply = now_known.average
        FROM account_average(said.account) AS now_known (average)
        WHERE
            lower(known.username) = said.account
            AND now_known.average IS NOT NULL
            AND known.avg_followers_per_reply IS DISTINCT FROM now_known.average;
    END IF;
    RETURN said.verdict;
EXCEPTION
    WHEN data_exception OR integrity_constraint_violation THEN
        PERFORM keep_in_quarantine('feedback', SQLERRM, jsonb_build_object('tweet_id', decided_tweet));
        RETURN NULL;
END
$$;

-- What a reply to an account brought on average at the latest look at one: the outcomes known in the 30
-- days before, and the replies of these days that already brought much though they are not ripe.
CREATE OR REPLACE FUNCTION account_average(averaged_account TEXT) RETURNS NUMERIC
LANGUAGE sql STABLE AS $$
    WITH spans AS (
        SELECT
            coalesce((loop_setting('horizon_hours'))::INTEGER, 24) * INTERVAL '1 hour' AS horizon,
            coalesce((loop_setting('grace_hours'))::INTEGER, 24) * INTERVAL '1 hour' AS grace,
            (
                SELECT max(metrics.collected_at)
                FROM content_metadata AS content
                INNER JOIN tweet_metrics AS metrics ON content.tweet_id = metrics.tweet_id
                WHERE lower(content.target_username) = averaged_account
            ) AS latest
    ),

    ripe AS (
        SELECT outcome.tweet_id, outcome.followers_gained
        FROM spans
        CROSS JOIN LATERAL matured_outcomes(
            spans.latest - INTERVAL '30 days', spans.latest + INTERVAL '1 microsecond', spans.horizon, spans.grace
        ) AS outcome
        WHERE outcome.account = averaged_account AND outcome.followers_gained IS NOT NULL
    ),

    fresh AS (
        SELECT f.tweet_id, f.followers_gained
        FROM reply_feedback AS f
        CROSS JOIN spans
        WHERE
            f.account = averaged_account
            AND f.verdict = 'high'
            AND f.collected_at >= spans.latest - INTERVAL '30 days'
            AND NOT EXISTS (SELECT FROM ripe WHERE ripe.tweet_id = f.tweet_id)
    )

    SELECT round(avg(everything.followers_gained), 2)
    FROM (SELECT * FROM ripe UNION ALL SELECT * FROM fresh) AS everything
$$;

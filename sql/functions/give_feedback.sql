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
        INSERT INTO accounts (username)
        SELECT said.account
        WHERE NOT EXISTS (SELECT FROM accounts AS known WHERE lower(known.username) = said.account);
        PERFORM fold_account(said.account);
        IF before.account <> said.account THEN
            PERFORM fold_account(before.account);
        END IF;
    END IF;
    -- an account that was boosted is rated with its fresh replies at once, the others by the account rollup
    IF EXISTS (SELECT FROM reply_feedback AS f WHERE f.account = said.account AND f.verdict = 'high') THEN
        UPDATE accounts AS known
        SET avg_followers_per_reply = now_known.average
        FROM account_average(said.account) AS now_known (average)
        WHERE
            lower(known.username) = said.account
            AND now_known.average IS NOT NULL
            AND known.avg_followers_per_reply IS DISTINCT FROM now_known.average;
        INSERT INTO queue_news (account) SELECT said.account WHERE FOUND;
    END IF;
    RETURN said.verdict;
EXCEPTION
    WHEN OTHERS THEN
        PERFORM keep_refused('feedback', SQLSTATE, SQLERRM, jsonb_build_object('tweet_id', decided_tweet));
        RETURN NULL;
END
$$;

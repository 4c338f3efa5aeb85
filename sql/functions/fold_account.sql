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
    highest CONSTANT DOUBLE PRECISION := coalesce((loop_setting('high_priority_score'))::DOUBLE PRECISION, 0.95);
    floor CONSTANT DOUBLE PRECISION := coalesce((loop_setting('low_priority_floor'))::DOUBLE PRECISION, 0.2);
    step CONSTANT DOUBLE PRECISION := coalesce((loop_setting('low_priority_step'))::DOUBLE PRECISION, 0.1);
BEGIN
    UPDATE accounts AS known
    SET
        base_priority_score = coalesce(known.priority_score, 0.5),
        base_last_success_at = known.last_success_at
    WHERE lower(known.username) = folded_account AND known.base_priority_score IS NULL;
    SELECT known.base_priority_score INTO score
    FROM accounts AS known
    WHERE lower(known.username) = folded_account
    ORDER BY known.username
    LIMIT 1;
    FOR heard IN
        SELECT * FROM reply_feedback AS f
        WHERE f.account = folded_account
        ORDER BY f.collected_at, f.tweet_id COLLATE "C"
    LOOP
        IF heard.verdict = 'high' THEN
            score := highest;
            succeeded := heard.collected_at;
        ELSE
            score := greatest(floor, score - step);
        END IF;
    END LOOP;
    is_moved := FOUND;
    UPDATE accounts AS known
    SET
        priority_score = score,
        high_priority = coalesce(known.high_priority, FALSE) OR succeeded IS NOT NULL,
        last_success_at = greatest(known.base_last_success_at, succeeded),
        base_priority_score = CASE WHEN is_moved THEN known.base_priority_score END,
        updated_at = clock_timestamp()
    WHERE lower(known.username) = folded_account;
END
$$;

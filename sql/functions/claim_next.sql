-- Takes the next opportunities from the queue, each for as long as the lease: draws the slot of each
-- dimension by its allocation over what the queue holds, given the slots drawn before, takes the best post
-- in it, and decides generator, format, experiment and variant. Every draw is in the ledger, under the
-- decision's id.
CREATE OR REPLACE FUNCTION claim_next(
    most INTEGER DEFAULT 1, claimed_by TEXT DEFAULT NULL, at TIMESTAMPTZ DEFAULT now()
) RETURNS TABLE (
    decision_id TEXT, tweet_id TEXT, target_username TEXT, tweet_text TEXT, score NUMERIC, generator TEXT,
    generator_probability DOUBLE PRECISION, arms JSONB, experiment_id UUID, variant TEXT,
    predicted_followers DOUBLE PRECISION, reason TEXT, lease_until TIMESTAMPTZ
)
LANGUAGE plpgsql SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE
    wanted INTEGER := greatest(0, least(coalesce(claim_next.most, 1), 100));
    moment TIMESTAMPTZ := coalesce(claim_next.at, now());
    dimensions_drawn TEXT[];
    dimension TEXT;
    decision TEXT;
    drawn JSONB;
    shares RECORD;
    entry decision_ledger;
    best RECORD;
    writer RECORD;
    chosen TEXT;
    trial UUID;
    variant_taken TEXT;
    until TIMESTAMPTZ := moment + coalesce((loop_setting('lease_minutes'))::INTEGER, 30) * INTERVAL '1 minute';
BEGIN
    -- one at a time looks at the queue: two bots never take the same post
    PERFORM one_at_a_time('claim');
    PERFORM refresh_queue(moment) WHERE wanted > 0;
    -- the dimension that is surest of its best value draws first: it finds most of the queue still open to it
    dimensions_drawn := ARRAY(
        SELECT known.name
        FROM dimensions AS known
        LEFT JOIN strategy_allocation AS arm ON known.name = arm.strategy_type
        WHERE known.is_slot
        GROUP BY known.name, known.place
        ORDER BY round(max(arm.probability)::NUMERIC, 6) DESC NULLS LAST, known.place
    );
    WHILE wanted > 0 LOOP
        EXIT WHEN NOT EXISTS (SELECT FROM queue_posts AS post WHERE post.slot IS NOT NULL);
        decision := random_id();
        drawn := '{}';
        FOREACH dimension IN ARRAY dimensions_drawn LOOP
            SELECT s.* INTO shares FROM (
                SELECT array_agg(held.arm ORDER BY held.arm) AS arms
                FROM (
                    SELECT DISTINCT known.slots ->> dimension AS arm
                    FROM queue_slots AS known
                    WHERE
                        known.slots @> drawn
                        AND EXISTS (SELECT FROM queue_posts AS post WHERE post.slot = known.slot)
                ) AS held
            ) AS queue, available_shares(dimension, queue.arms) AS s;
            IF shares.arms IS NOT NULL THEN
                entry := assign_arm(
                    dimension, decision, shares.arms, shares.probabilities, 'strategy_allocation',
                    shares.known_as_of, moment
                );
                drawn := drawn || jsonb_strip_nulls(jsonb_build_object(dimension, entry.arm));
            END IF;
        END LOOP;
        SELECT * INTO best FROM best_in_queue(drawn, moment);
        CONTINUE WHEN best.tweet_id IS NULL; -- it is not there any more, or not as it was
        SELECT * INTO writer FROM generator_for(best.account, decision, moment);
        trial := writer.experiment_id;
        variant_taken := writer.variant;
        FOR dimension IN
            SELECT known.name FROM dimensions AS known
            WHERE known.is_testable AND known.name <> 'generator'
            ORDER BY known.place
        LOOP
            -- a post takes part in one experiment at most, so that each is judged by its own alone
            chosen := NULL;
            IF trial IS NULL THEN
                entry := assign_trial(dimension, decision, moment);
                trial := trial_of(entry);
                chosen := entry.arm;
                SELECT v.variant INTO variant_taken FROM variant_for(trial, decision, moment) AS v;
            END IF;
            IF chosen IS NULL THEN
                SELECT a.arm INTO chosen FROM arm_for(dimension, decision, moment) AS a;
            END IF;
            IF chosen IS NOT NULL THEN
                drawn := drawn || jsonb_build_object(dimension, chosen);
            END IF;
        END LOOP;
        RETURN QUERY INSERT INTO opportunity_claims AS claim (
            decision_id, opportunity_id, tweet_id, account, claimed_by, claimed_at, lease_until, answer
        )
        SELECT
            decision, best.opportunity_id, best.tweet_id, best.account, left(claim_next.claimed_by, 200), moment, until,
            jsonb_build_object(
                'target_username', best.target_username, 'generator', writer.generator, 'format', drawn ->> 'format',
                'experiment_id', trial, 'variant', variant_taken, 'score', best.score,
                'predicted_followers', writer.expected_followers, 'slot', drawn
            )
        RETURNING
            claim.decision_id, claim.tweet_id, best.target_username, best.tweet_text, best.score, writer.generator,
            writer.probability, drawn, trial, variant_taken, writer.expected_followers,
            explain_opportunity(best.score, best.slots, best.account) || ' ' || writer.reason,
            claim.lease_until;
        INSERT INTO queue_away (account) VALUES (best.account) ON CONFLICT DO NOTHING;
        UPDATE queue_posts AS post SET slot = NULL
        WHERE post.account = best.account OR post.tweet_id = best.tweet_id;
        wanted := wanted - 1;
    END LOOP;
END
$$;

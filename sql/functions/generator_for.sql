-- The generator for a reply to an account: a running experiment on generators first, else the account's
-- distribution (that of '*' for an account without one), else the default. Never a point while there is a
-- choice: exploration stays. The band is the seed's word for how sure the best of them is.
CREATE OR REPLACE FUNCTION generator_for(account TEXT, unit TEXT, at TIMESTAMPTZ DEFAULT now())
RETURNS TABLE (
    generator TEXT, probability DOUBLE PRECISION, expected_followers DOUBLE PRECISION,
    confidence DOUBLE PRECISION, band TEXT, experiment_id UUID, variant TEXT, reason TEXT
)
LANGUAGE plpgsql SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE
    entry decision_ledger := ledger_entry('generator', generator_for.unit);
    known generator_preferences;
    whose TEXT := lower(ltrim(generator_for.account, '@'));
    moment TIMESTAMPTZ := coalesce(generator_for.at, now());
    fallback TEXT := coalesce(loop_setting('default_generator') #>> '{}', 'ResearchSynthesizer');
BEGIN
    IF entry.arm IS NULL THEN
        entry := assign_trial('generator', generator_for.unit, moment);
    END IF;
    IF trial_of(entry) IS NOT NULL THEN
        RETURN QUERY SELECT
            entry.arm, entry.probability, NULL::DOUBLE PRECISION, NULL::DOUBLE PRECISION, 'experiment',
            trial_of(entry), v.variant, v.reason
        FROM variant_for(trial_of(entry), generator_for.unit, moment) AS v;
        RETURN;
    END IF;
    IF NOT EXISTS (SELECT FROM generator_preferences AS p WHERE p.account = whose) THEN
        whose := '*';
    END IF;
    IF entry.arm IS NULL THEN
        SELECT given.* INTO entry
        FROM (
            SELECT
                array_agg(p.generator_name ORDER BY p.generator_name COLLATE "C") AS arms,
                array_agg(p.probability ORDER BY p.generator_name COLLATE "C") AS probabilities,
                max(p.as_of) AS known_as_of
            FROM generator_preferences AS p
            WHERE p.account = whose AND p.probability > 0 AND p.probability < 'Infinity'
                AND coalesce((loop_setting('generator_choice'))::BOOLEAN, TRUE)
        ) AS choice
        CROSS JOIN LATERAL assign_arm(
            'generator', generator_for.unit,
            coalesce(choice.arms, ARRAY[fallback]), coalesce(choice.probabilities, ARRAY[1.0::DOUBLE PRECISION]),
            'generator_preferences', coalesce(choice.known_as_of, moment), moment
        ) AS given;
    END IF;
    SELECT * INTO known FROM generator_preferences AS p
    WHERE p.account = whose AND p.generator_name = entry.arm;
    RETURN QUERY SELECT
        entry.arm, entry.probability, known.expected_followers, known.confidence_score::DOUBLE PRECISION,
        coalesce(known.band, 'default'), NULL::UUID, NULL::TEXT,
        CASE
            WHEN known.reason IS NOT NULL THEN known.reason
            WHEN entry.arm = fallback THEN 'No strong signal: ' || entry.arm || ' is the default.'
            ELSE entry.arm || ' was decided for this reply before.'
        END;
END
$$;

-- The arm of a dimension (format, posting_hour, …) for a unit, by the live allocation. No row of the
-- dimension: no arm, and nothing is recorded.
CREATE OR REPLACE FUNCTION arm_for(dimension TEXT, unit TEXT, at TIMESTAMPTZ DEFAULT now())
RETURNS TABLE (arm TEXT, probability DOUBLE PRECISION, available JSONB, as_of TIMESTAMPTZ, reason TEXT)
LANGUAGE plpgsql SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE
    entry decision_ledger;
BEGIN
    SELECT given.* INTO entry
    FROM (
        SELECT
            array_agg(live.strategy_name) AS arms,
            array_agg(live.probability) AS probabilities,
            max(live.as_of) AS known_as_of
        FROM strategy_allocation AS live
        WHERE live.strategy_type = arm_for.dimension AND live.probability > 0
    ) AS shares
    CROSS JOIN LATERAL assign_arm(
        arm_for.dimension, arm_for.unit,
        shares.arms, shares.probabilities, 'strategy_allocation', shares.known_as_of, arm_for.at
    ) AS given;
    RETURN QUERY SELECT
        entry.arm, entry.probability, entry.available, entry.as_of,
        CASE
            WHEN entry.arm IS NULL THEN 'No allocation of ' || left(arm_for.dimension, 60) || ' yet: choose freely.'
            ELSE format(
                '%s has %s%% of %s.',
                left(entry.arm, 200), round((100 * entry.probability)::NUMERIC, 1), left(arm_for.dimension, 60)
            )
        END;
END
$$;

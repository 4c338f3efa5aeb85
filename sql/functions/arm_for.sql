-- The arm of a dimension (format, posting_hour, …) for a unit, by the live allocation. No row of the
-- dimension: no arm, and nothing is recorded.
CREATE OR REPLACE FUNCTION arm_for(dimension TEXT, unit TEXT, at TIMESTAMPTZ DEFAULT now())
RETURNS TABLE (arm TEXT, probability DOUBLE PRECISION, available JSONB, as_of TIMESTAMPTZ, reason TEXT)
LANGUAGE plpgsql SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE
    entry decision_ledger := ledger_entry(arm_for.dimension, arm_for.unit);
    shares RECORD;
BEGIN
    IF entry.arm IS NULL THEN
        SELECT array_agg(live.name) AS arms, array_agg(live.p) AS probabilities, max(live.as_of) AS known_as_of
        INTO shares
        FROM (
            SELECT
                allocated.strategy_name AS name, sum(allocated.probability) AS p, max(allocated.as_of) AS as_of
            FROM strategy_allocation AS allocated
            -- neither none, nor NaN, which is greater than all
            WHERE
                allocated.strategy_type = arm_for.dimension
                AND allocated.probability > 0
                AND allocated.probability < 'Infinity'
            GROUP BY allocated.strategy_name
            ORDER BY allocated.strategy_name COLLATE "C"
        ) AS live;
        entry := assign_arm(
            dimension, unit, shares.arms, shares.probabilities, 'strategy_allocation', shares.known_as_of, at
        );
    END IF;
    arm := entry.arm;
    probability := entry.probability;
    available := entry.available;
    as_of := entry.as_of;
    reason := CASE
        WHEN arm IS NULL THEN 'No allocation of ' || left(dimension, 60) || ' yet: choose freely.'
        ELSE format(
            '%s has %s%% of %s.', left(arm, 200), round((100 * probability)::NUMERIC, 1), left(dimension, 60)
        )
    END;
    RETURN NEXT;
END
$$;

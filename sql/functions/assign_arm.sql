-- The arm of a unit among `arms`, which come in the order of their bytes, each once, with a probability
-- above 0: by hash against the probabilities, renormalised, and then recorded. An answer that the ledger
-- has stands. Nothing is recorded where there is no arm.
CREATE OR REPLACE FUNCTION assign_arm(
    dimension TEXT, unit TEXT, arms TEXT[], probabilities DOUBLE PRECISION[], policy TEXT,
    known_as_of TIMESTAMPTZ, at TIMESTAMPTZ
) RETURNS decision_ledger -- noqa: CP05
LANGUAGE plpgsql AS $$
DECLARE
    share DOUBLE PRECISION;
    total DOUBLE PRECISION := 0;
    reached DOUBLE PRECISION := 0;
    threshold DOUBLE PRECISION;
    chosen INTEGER := 0;
BEGIN
    IF arms IS NULL OR coalesce(dimension, '') = '' OR coalesce(unit, '') = '' THEN
        RETURN ledger_entry(dimension, unit);
    END IF;
    FOREACH share IN ARRAY probabilities LOOP
        total := total + share;
    END LOOP;
    threshold := unit_hash(dimension, unit) * total;
    -- the last bits of a sum may fall short of the total: the last arm takes what is left
    FOREACH share IN ARRAY probabilities LOOP
        chosen := chosen + 1;
        reached := reached + share;
        EXIT WHEN threshold < reached;
    END LOOP;
    RETURN keep_decision(
        dimension, unit, arms[chosen], share / total,
        (SELECT jsonb_object_agg(arm.name, arm.p / total) FROM unnest(arms, probabilities) AS arm (name, p)),
        policy, known_as_of, at
    );
END
$$;

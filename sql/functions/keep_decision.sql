-- Writes a decision down, unless another was faster: returns the one that stands.
CREATE OR REPLACE FUNCTION keep_decision(
    dimension TEXT, unit TEXT, arm TEXT, probability DOUBLE PRECISION, available JSONB, policy TEXT,
    known_as_of TIMESTAMPTZ, at TIMESTAMPTZ
) RETURNS decision_ledger -- noqa: CP05
LANGUAGE plpgsql AS $$
DECLARE
    entry decision_ledger;
BEGIN
    INSERT INTO decision_ledger (dimension, unit, arm, probability, available, policy_version, as_of, decided_at)
    VALUES (
        ledger_key(keep_decision.dimension), ledger_key(keep_decision.unit), keep_decision.arm,
        keep_decision.probability, keep_decision.available, policy, coalesce(known_as_of, at, now()),
        coalesce(at, now())
    )
    ON CONFLICT DO NOTHING
    RETURNING * INTO entry;
    IF NOT FOUND THEN
        entry := ledger_entry(keep_decision.dimension, keep_decision.unit);
    END IF;
    RETURN entry;
END
$$;

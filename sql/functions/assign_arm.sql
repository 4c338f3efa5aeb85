-- The arm of a unit among `arms`: the ledger's if there is one, else by hash against the probabilities,
-- renormalised over the arms that have one and sorted by their bytes, and then recorded. Nothing is
-- recorded where no arm has a probability.
CREATE OR REPLACE FUNCTION assign_arm(
    dimension TEXT, unit TEXT, arms TEXT[], probabilities DOUBLE PRECISION[], policy TEXT,
    known_as_of TIMESTAMPTZ, at TIMESTAMPTZ
) RETURNS decision_ledger -- noqa: CP05
LANGUAGE plpgsql AS $$
DECLARE
    entry decision_ledger := ledger_entry(dimension, unit);
    names TEXT[];
    shares DOUBLE PRECISION[];
    total DOUBLE PRECISION := 0;
    reached DOUBLE PRECISION := 0;
    threshold DOUBLE PRECISION;
    chosen INTEGER := 1;
BEGIN
    IF entry.arm IS NOT NULL THEN
        RETURN entry;
    END IF;
    SELECT array_agg(arm.name ORDER BY arm.name), array_agg(arm.share ORDER BY arm.name) INTO names, shares
    FROM (
        SELECT given.name COLLATE "C" AS name, sum(given.p) AS share
        FROM unnest(arms, probabilities) AS given (name, p)
        -- neither none, nor NaN, which is greater than all
        WHERE given.name IS NOT NULL AND given.p > 0 AND given.p < 'Infinity'
        GROUP BY given.name COLLATE "C"
    ) AS arm;
    IF names IS NULL THEN
        RETURN entry;
    END IF;
    FOR i IN 1 .. cardinality(names) LOOP
        total := total + shares[i];
    END LOOP;
    -- the last bits of a sum may fall short of the total: the last arm takes what is left
    threshold := unit_hash(dimension, unit) * total;
    FOR i IN 1 .. cardinality(names) LOOP
        chosen := i;
        reached := reached + shares[i];
        EXIT WHEN threshold < reached;
    END LOOP;
    RETURN keep_decision(
        dimension, unit, names[chosen], shares[chosen] / total,
        (SELECT jsonb_object_agg(names[i], shares[i] / total) FROM generate_subscripts(names, 1) AS i),
        policy, known_as_of, at
    );
END
$$;

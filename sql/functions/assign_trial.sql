-- The strategy that a running experiment gives a unit, as the unit's answer for the dimension: it stands in
-- the ledger when the experiment has ended, with its probability over all experiments on this dimension, into
-- each of which the unit falls by the part that it takes. All NULL where the unit falls into none.
CREATE OR REPLACE FUNCTION assign_trial(dimension TEXT, unit TEXT, at TIMESTAMPTZ)
RETURNS decision_ledger -- noqa: CP05
LANGUAGE plpgsql AS $$
DECLARE
    entry decision_ledger;
    trial UUID := experiment_of(dimension, unit, at);
    given TEXT;
    shares JSONB;
BEGIN
    IF trial IS NULL THEN
        RETURN entry;
    END IF;
    SELECT v.strategy INTO given FROM variant_for(trial, assign_trial.unit, assign_trial.at) AS v;
    SELECT jsonb_object_agg(chance.strategy, chance.p) INTO shares
    FROM (
        SELECT part.strategy, sum(part.share) / sum(sum(part.share)) OVER () AS p
        FROM running_experiments(dimension, at) AS running
        INNER JOIN experiments AS known ON running.id = known.id
        CROSS JOIN LATERAL (
            VALUES
            (running.control_strategy, running.control_share * known.units_share),
            (running.treatment_strategy, running.treatment_share * known.units_share)
        ) AS part (strategy, share)
        GROUP BY part.strategy
    ) AS chance;
    IF given IS NULL OR NOT coalesce(shares ? given, FALSE) THEN
        RETURN entry; -- it ended this very moment
    END IF;
    RETURN keep_decision(
        dimension, unit, given, (shares ->> given)::DOUBLE PRECISION, shares, 'experiment/' || trial,
        (SELECT known.started_at FROM experiments AS known WHERE known.id = trial), at
    );
END
$$;

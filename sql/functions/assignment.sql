-- Which arm, variant or generator a unit gets. The first answer stands in the ledger, with the exact
-- probability it had and what else was available, and is given again for ever.
--
-- A call waits for another that decides the same unit in an open transaction. Whoever asks for many
-- units in one transaction asks in the order of their names, or is ready to repeat it (deadlock, 40P01).

-- One setting of the loop, as published by the command.
CREATE OR REPLACE FUNCTION loop_setting(name TEXT) RETURNS JSONB
LANGUAGE sql STABLE AS $$
    SELECT loop_settings.settings -> name FROM loop_settings
$$;

-- A key short enough for an index: a long one by its digest.
CREATE OR REPLACE FUNCTION ledger_key(name TEXT) RETURNS TEXT
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN octet_length(name) <= 200 AND left(name, 7) <> 'sha256:' THEN name
        ELSE 'sha256:' || encode(sha256(convert_to(name, 'UTF8')), 'hex')
    END
$$;

-- 52 bits of the digest of (family, unit) as a number in [0, 1): uniform, and the same in any language.
CREATE OR REPLACE FUNCTION unit_hash(family TEXT, unit TEXT) RETURNS DOUBLE PRECISION
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ('x' || left(encode(sha256(convert_to(family || chr(31) || unit, 'UTF8')), 'hex'), 13))::BIT(52)::BIGINT
        / 4503599627370496.0::DOUBLE PRECISION
$$;

-- What the ledger says of a unit; all NULL where it says nothing.
CREATE OR REPLACE FUNCTION ledger_entry(family TEXT, unit TEXT) RETURNS decision_ledger -- noqa: CP05
LANGUAGE plpgsql STABLE AS $$
DECLARE
    entry decision_ledger;
BEGIN
    IF coalesce(family, '') = '' OR coalesce(unit, '') = '' THEN
        RAISE EXCEPTION 'A family and a unit are needed: name what is decided, and for whom.'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT * INTO entry FROM decision_ledger AS ledger
    WHERE ledger.family = ledger_key(ledger_entry.family) AND ledger.unit = ledger_key(ledger_entry.unit);
    RETURN entry;
END
$$;

-- Writes a decision down, unless another was faster: returns the one that stands.
CREATE OR REPLACE FUNCTION keep_decision(
    family TEXT, unit TEXT, arm TEXT, probability DOUBLE PRECISION, available JSONB, policy TEXT,
    known_as_of TIMESTAMPTZ, at TIMESTAMPTZ
) RETURNS decision_ledger -- noqa: CP05
LANGUAGE plpgsql AS $$
DECLARE
    entry decision_ledger;
BEGIN
    INSERT INTO decision_ledger (family, unit, arm, probability, available, policy_version, as_of, decided_at)
    VALUES (
        ledger_key(keep_decision.family), ledger_key(keep_decision.unit), keep_decision.arm,
        keep_decision.probability, keep_decision.available, policy, coalesce(known_as_of, at, now()),
        coalesce(at, now())
    )
    ON CONFLICT DO NOTHING
    RETURNING * INTO entry;
    IF NOT FOUND THEN
        entry := ledger_entry(keep_decision.family, keep_decision.unit);
    END IF;
    RETURN entry;
END
$$;

-- The arm of a unit among `arms`: the ledger's if there is one, else by hash against the probabilities,
-- renormalised over the arms that have one and sorted by their bytes, and then recorded. Nothing is
-- recorded where no arm has a probability.
CREATE OR REPLACE FUNCTION assign_arm(
    family TEXT, unit TEXT, arms TEXT[], probabilities DOUBLE PRECISION[], policy TEXT,
    known_as_of TIMESTAMPTZ, at TIMESTAMPTZ
) RETURNS decision_ledger -- noqa: CP05
LANGUAGE plpgsql AS $$
DECLARE
    entry decision_ledger := ledger_entry(family, unit);
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
    threshold := unit_hash(family, unit) * total;
    FOR i IN 1 .. cardinality(names) LOOP
        chosen := i;
        reached := reached + shares[i];
        EXIT WHEN threshold < reached;
    END LOOP;
    RETURN keep_decision(
        family, unit, names[chosen], shares[chosen] / total,
        (SELECT jsonb_object_agg(names[i], shares[i] / total) FROM generate_subscripts(names, 1) AS i),
        policy, known_as_of, at
    );
END
$$;

-- The arm of a family (format, posting_hour, …) for a unit, by the live allocation. No row of the family:
-- no arm, and nothing is recorded.
CREATE OR REPLACE FUNCTION arm_for(family TEXT, unit TEXT, at TIMESTAMPTZ DEFAULT now())
RETURNS TABLE (arm TEXT, probability DOUBLE PRECISION, available JSONB, as_of TIMESTAMPTZ, reason TEXT)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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
        WHERE live.strategy_type = arm_for.family AND live.probability > 0
    ) AS shares
    CROSS JOIN LATERAL assign_arm(
        arm_for.family, arm_for.unit,
        shares.arms, shares.probabilities, 'strategy_allocation', shares.known_as_of, arm_for.at
    ) AS given;
    RETURN QUERY SELECT
        entry.arm, entry.probability, entry.available, entry.as_of,
        CASE
            WHEN entry.arm IS NULL THEN 'No allocation of ' || left(arm_for.family, 60) || ' yet: choose freely.'
            ELSE format(
                '%s has %s%% of %s.',
                left(entry.arm, 200), round((100 * entry.probability)::NUMERIC, 1), left(arm_for.family, 60)
            )
        END;
END
$$;

-- The variant of a running experiment for a unit. One that is not running gives only what it gave before.
CREATE OR REPLACE FUNCTION variant_for(experiment UUID, unit TEXT, at TIMESTAMPTZ DEFAULT now())
RETURNS TABLE (variant TEXT, strategy TEXT, probability DOUBLE PRECISION, reason TEXT)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    entry decision_ledger;
    running experiments;
BEGIN
    SELECT * INTO running FROM experiments AS known WHERE known.id = variant_for.experiment;
    IF running.id IS NULL THEN
        RETURN QUERY SELECT NULL::TEXT, NULL::TEXT, NULL::DOUBLE PRECISION, 'There is no such experiment.';
        RETURN;
    END IF;
    entry := assign_arm(
        'experiment:' || running.id, variant_for.unit,
        CASE WHEN running.status = 'running' AND running.started_at <= coalesce(variant_for.at, now())
            THEN ARRAY['control', 'treatment'] END,
        ARRAY[running.control_allocation_pct, running.treatment_allocation_pct]::DOUBLE PRECISION[],
        'experiment/' || running.id, running.started_at, variant_for.at
    );
    IF entry.arm IS NOT NULL THEN
        INSERT INTO experiment_assignments (experiment_id, unit, variant, probability, assigned_at)
        VALUES (running.id, entry.unit, entry.arm, entry.probability, entry.decided_at)
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN QUERY SELECT
        entry.arm,
        CASE entry.arm WHEN 'control' THEN running.control_strategy WHEN 'treatment' THEN running.treatment_strategy END,
        entry.probability,
        CASE
            WHEN entry.arm IS NULL THEN format(
                'The experiment is %s: it takes no new units%s.',
                running.status, CASE WHEN running.status = 'running' THEN ' yet' ELSE '' END
            )
            ELSE format(
                '%s of "%s", which %s%% get.',
                initcap(entry.arm), running.experiment_name, round((100 * entry.probability)::NUMERIC, 1)
            )
        END;
END
$$;

-- The experiments that run on a family, with the shares of their variants.
CREATE OR REPLACE FUNCTION running_experiments(family TEXT, at TIMESTAMPTZ)
RETURNS TABLE (
    id UUID, started_at TIMESTAMPTZ, control_strategy TEXT, control_share DOUBLE PRECISION,
    treatment_strategy TEXT, treatment_share DOUBLE PRECISION
)
LANGUAGE sql STABLE AS $$
    SELECT
        running.id, running.started_at, running.control_strategy,
        greatest(running.control_allocation_pct, 0)::DOUBLE PRECISION / whole.pct,
        running.treatment_strategy, greatest(running.treatment_allocation_pct, 0)::DOUBLE PRECISION / whole.pct
    FROM experiments AS running
    CROSS JOIN LATERAL (
        SELECT
            greatest(running.control_allocation_pct, 0)::DOUBLE PRECISION
            + greatest(running.treatment_allocation_pct, 0)::DOUBLE PRECISION AS pct
    ) AS whole
    WHERE
        running.status = 'running' AND running.started_at <= at AND running.strategy_type = family AND whole.pct > 0
$$;

-- The experiment that a unit takes part in, where it is one of this family: a unit is in one experiment at
-- most, so all that run on generators and formats share the units by the part that each wants
-- (units_share). Where they want less than all, the rest is left to the allocation.
CREATE OR REPLACE FUNCTION experiment_of(family TEXT, unit TEXT, at TIMESTAMPTZ) RETURNS UUID
LANGUAGE sql STABLE AS $$
    SELECT part.id
    FROM (
        SELECT
            running.id, tested.family, known.units_share,
            sum(known.units_share) OVER (ORDER BY running.id) AS reached,
            greatest(1, sum(known.units_share) OVER ()) AS wanted
        FROM (VALUES ('generator'), ('format')) AS tested (family)
        CROSS JOIN LATERAL running_experiments(tested.family, experiment_of.at) AS running
        INNER JOIN experiments AS known ON running.id = known.id
    ) AS part
    WHERE
        unit_hash('experiments', experiment_of.unit) * part.wanted < part.reached
        AND unit_hash('experiments', experiment_of.unit) * part.wanted >= part.reached - part.units_share
        AND part.family = experiment_of.family
    ORDER BY part.reached
    LIMIT 1
$$;

-- The strategy that a running experiment gives a unit, as the unit's answer for the family: it stands in
-- the ledger when the experiment has ended, with its probability over all experiments on this family, into
-- each of which the unit falls by the part that it takes. All NULL where the unit falls into none.
CREATE OR REPLACE FUNCTION assign_trial(family TEXT, unit TEXT, at TIMESTAMPTZ)
RETURNS decision_ledger -- noqa: CP05
LANGUAGE plpgsql AS $$
DECLARE
    entry decision_ledger;
    trial UUID := experiment_of(family, unit, at);
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
        FROM running_experiments(family, at) AS running
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
        family, unit, given, (shares ->> given)::DOUBLE PRECISION, shares, 'experiment/' || trial,
        (SELECT known.started_at FROM experiments AS known WHERE known.id = trial), at
    );
END
$$;

-- The experiment that an entry of the ledger came from.
CREATE OR REPLACE FUNCTION trial_of(entry decision_ledger) RETURNS UUID -- noqa: CP05
LANGUAGE sql IMMUTABLE AS $$
    SELECT substring(entry.policy_version FROM '^experiment/(.*)$')::UUID
$$;

-- The generator for a reply to an account: a running experiment on generators first, else the account's
-- distribution (that of '*' for an account without one), else the default. Never a point while there is a
-- choice: exploration stays. The band is the seed's word for how sure the best of them is.
CREATE OR REPLACE FUNCTION generator_for(account TEXT, unit TEXT, at TIMESTAMPTZ DEFAULT now())
RETURNS TABLE (
    generator TEXT, probability DOUBLE PRECISION, expected_followers DOUBLE PRECISION,
    confidence DOUBLE PRECISION, band TEXT, experiment_id UUID, variant TEXT, reason TEXT
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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
                array_agg(p.generator_name) AS arms,
                array_agg(p.probability) AS probabilities,
                max(p.as_of) AS known_as_of
            FROM generator_preferences AS p
            WHERE p.account = whose AND p.probability > 0
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

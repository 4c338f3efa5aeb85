-- The variant of a running experiment for a unit. One that is not running gives only what it gave before.
CREATE OR REPLACE FUNCTION variant_for(experiment UUID, unit TEXT, at TIMESTAMPTZ DEFAULT now())
RETURNS TABLE (variant TEXT, strategy TEXT, probability DOUBLE PRECISION, reason TEXT)
LANGUAGE plpgsql SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE
    entry decision_ledger;
    running experiments;
    shares RECORD;
BEGIN
    SELECT * INTO running FROM experiments AS known WHERE known.id = variant_for.experiment;
    IF running.id IS NULL THEN
        RETURN QUERY SELECT NULL::TEXT, NULL::TEXT, NULL::DOUBLE PRECISION, 'There is no such experiment.';
        RETURN;
    END IF;
    SELECT array_agg(part.variant) AS variants, array_agg(part.p) AS probabilities INTO shares
    FROM (
        VALUES
        ('control', running.control_allocation_pct::DOUBLE PRECISION),
        ('treatment', running.treatment_allocation_pct::DOUBLE PRECISION)
    ) AS part (variant, p)
    WHERE
        running.status = 'running' AND running.started_at <= coalesce(variant_for.at, now())
        AND part.p > 0 AND part.p < 'Infinity';
    entry := assign_arm(
        'experiment:' || running.id, variant_for.unit, shares.variants, shares.probabilities,
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

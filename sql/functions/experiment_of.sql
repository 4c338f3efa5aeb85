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

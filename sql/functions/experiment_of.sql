-- The experiment that a unit takes part in, where it is one of this dimension: a unit is in one experiment at
-- most, so all that run on what a bot chooses share the units by the part that each wants
-- (units_share). Where they want less than all, the rest is left to the allocation.
CREATE OR REPLACE FUNCTION experiment_of(dimension TEXT, unit TEXT, at TIMESTAMPTZ) RETURNS UUID
LANGUAGE sql STABLE AS $$
    SELECT part.id
    FROM (
        SELECT
            running.id, tested.name AS dimension, known.units_share,
            sum(known.units_share) OVER (ORDER BY running.id) AS reached,
            greatest(1, sum(known.units_share) OVER ()) AS wanted
        FROM dimensions AS tested
        CROSS JOIN LATERAL running_experiments(tested.name, experiment_of.at) AS running
        INNER JOIN experiments AS known ON running.id = known.id
        WHERE tested.is_testable
    ) AS part
    WHERE
        unit_hash('experiments', experiment_of.unit) * part.wanted < part.reached
        AND unit_hash('experiments', experiment_of.unit) * part.wanted >= part.reached - part.units_share
        AND part.dimension = experiment_of.dimension
    ORDER BY part.reached
    LIMIT 1
$$;

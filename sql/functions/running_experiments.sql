-- The experiments that run on a dimension, with the shares of their variants.
CREATE OR REPLACE FUNCTION running_experiments(dimension TEXT, at TIMESTAMPTZ)
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
        running.status = 'running' AND running.started_at <= at AND running.dimension = running_experiments.dimension AND whole.pct > 0
$$;

-- Grain: one row per experiment that is open now, or was created lately: whether it
-- still takes up the budget, and the treatment that is not to be suggested again.
SELECT
    dimension,
    treatment_strategy AS treatment,
    (status IN ('suggested', 'running'))::INTEGER AS open
FROM experiments
WHERE status IN ('suggested', 'running') OR created_at >= :since

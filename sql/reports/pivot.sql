-- The newest pivot, with the experiments that it began.
SELECT
    pivot.opened_at,
    pivot.closed_at,
    pivot.opened_reason,
    pivot.closed_reason,
    pivot.episode_started_at,
    coalesce(begun.experiments, '{}') AS experiments
FROM pivots AS pivot
LEFT JOIN LATERAL (
    SELECT array_agg(experiment.experiment_name ORDER BY experiment.started_at, experiment.id) AS experiments
    FROM experiments AS experiment
    WHERE experiment.pivot_id = pivot.id AND experiment.started_at IS NOT NULL
) AS begun ON TRUE
ORDER BY pivot.opened_at DESC
LIMIT 1

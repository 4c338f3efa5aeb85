-- Each experiment with its newest look.
SELECT
    experiment.experiment_name,
    experiment.status,
    experiment.control_strategy,
    experiment.treatment_strategy,
    latest.sample_size_control,
    latest.sample_size_treatment,
    latest.improvement_pct,
    latest.p_value,
    coalesce(latest.decision, experiment.decision) AS decision,
    latest.reason,
    latest.as_of
FROM experiments AS experiment
LEFT JOIN LATERAL (
    SELECT result.* FROM experiment_results AS result
    WHERE result.experiment_id = experiment.id
    ORDER BY result.day DESC
    LIMIT 1
) AS latest ON TRUE
ORDER BY experiment.started_at DESC, experiment.id ASC

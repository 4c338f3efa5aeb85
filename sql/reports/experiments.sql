-- Each experiment with its newest look.
SELECT
    experiment.id::TEXT AS id,
    experiment.experiment_name,
    experiment.hypothesis,
    experiment.dimension,
    experiment.status,
    experiment.control_strategy,
    experiment.treatment_strategy,
    experiment.treatment_allocation_pct,
    experiment.horizon_days,
    experiment.started_at,
    experiment.completed_at,
    latest.look,
    latest.sample_size_control,
    latest.sample_size_treatment,
    latest.improvement_pct,
    latest.p_value,
    latest.shrunk_lift_pct,
    latest.lift_low_pct,
    latest.lift_high_pct,
    coalesce(latest.decision, experiment.decision) AS decision,
    coalesce(
        (
            SELECT ended.reason FROM experiment_events AS ended
            WHERE ended.experiment_id = experiment.id AND ended.event IN ('decided', 'stopped')
            ORDER BY ended.at
            LIMIT 1
        ),
        latest.reason,
        CASE experiment.status WHEN 'suggested' THEN experiment.hypothesis END
    ) AS reason,
    latest.as_of
FROM experiments AS experiment
LEFT JOIN LATERAL (
    SELECT result.* FROM experiment_results AS result
    WHERE result.experiment_id = experiment.id
    ORDER BY result.day DESC
    LIMIT 1
) AS latest ON TRUE
ORDER BY experiment.started_at DESC NULLS LAST, experiment.created_at DESC, experiment.id ASC

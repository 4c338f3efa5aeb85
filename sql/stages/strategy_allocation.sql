-- Grain: one row per family and arm: the evidence of the same day's analytics, and for a treatment that
-- was adopted lately the control that it replaces, from the facts of before the as-of. What nobody
-- recorded is no arm: an 'unknown' cannot be chosen.
SELECT
    rated.dimension_type AS strategy_type,
    rated.dimension_value AS strategy_name,
    rated.success_count AS successes,
    rated.sample_size - rated.success_count AS failures,
    rated.sample_size,
    rated.avg_followers_gained,
    rated.confidence_score,
    adopted.replaces,
    adopted.former_share
FROM reply_performance_analytics AS rated
LEFT JOIN LATERAL (
    SELECT
        experiment.control_strategy AS replaces,
        (decided.inputs ->> 'control_share')::DOUBLE PRECISION AS former_share
    FROM experiment_events AS decided
    INNER JOIN experiments AS experiment ON decided.experiment_id = experiment.id
    WHERE
        decided.event = 'decided'
        AND decided.inputs ->> 'decision' = 'adopt'
        AND decided.at < :as_of
        AND decided.at >= :as_of - :incumbency
        AND experiment.strategy_type = rated.dimension_type
        AND experiment.treatment_strategy = rated.dimension_value
    ORDER BY decided.at DESC
    LIMIT 1
) AS adopted ON TRUE
WHERE
    rated.day = :day
    AND rated.dimension_type = ANY(:families)
    AND rated.dimension_value <> 'unknown'
    AND rated.sample_size > 0
ORDER BY rated.dimension_type, rated.dimension_value

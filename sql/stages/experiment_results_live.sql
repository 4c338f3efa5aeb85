-- Moves one experiment's state forward from the newest closed day. What ends one is a fact, recorded once
-- with its instant and inputs; an experiment that has ended is never touched again, nor one that is stopped
-- at this very moment: the event follows from the row that was moved.
WITH moved AS (
    UPDATE experiments
    SET
        control_avg_followers = :control_avg_followers,
        treatment_avg_followers = :treatment_avg_followers,
        improvement_pct = least(:improvement_pct, 99999999.99),
        is_significant = :is_significant,
        confidence_level = :p_value,
        sample_size_control = :sample_size_control,
        sample_size_treatment = :sample_size_treatment,
        decision = :decision,
        notes = :reason,
        status = :status,
        completed_at = CASE WHEN cast(:event AS TEXT) IS NOT NULL THEN cast(:decided_at AS TIMESTAMPTZ) END
    WHERE id = cast(:experiment_id AS UUID) AND status = 'running'
    RETURNING id, dimension, control_strategy
)

INSERT INTO experiment_events (experiment_id, event, at, reason, inputs)
SELECT
    experiment.id,
    cast(:event AS TEXT),
    :decided_at,
    :reason,
    jsonb_build_object(
        'decision', cast(:decision AS TEXT),
        'status', cast(:status AS TEXT),
        'rule', cast(:rule AS TEXT),
        'look', cast(:look AS INTEGER),
        'sample_size_control', cast(:sample_size_control AS INTEGER),
        'sample_size_treatment', cast(:sample_size_treatment AS INTEGER),
        'improvement_pct', cast(:improvement_pct AS DOUBLE PRECISION),
        'shrunk_lift_pct', cast(:shrunk_lift_pct AS DOUBLE PRECISION),
        'statistic', cast(:statistic AS DOUBLE PRECISION),
        'p_value', cast(:p_value AS DOUBLE PRECISION),
        -- what the control had when it lost: the share that its successor takes over
        'control_share', (
            SELECT max(live.probability) FROM strategy_allocation AS live
            WHERE
                live.strategy_type = experiment.dimension
                AND live.strategy_name = experiment.control_strategy
        )
    )
FROM moved AS experiment
WHERE cast(:event AS TEXT) IS NOT NULL
ON CONFLICT DO NOTHING

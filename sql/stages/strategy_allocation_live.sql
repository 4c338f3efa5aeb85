-- Moves the live allocation forward, never back. An arm that the newest window no longer holds keeps
-- its row and gets no share. Ids are derived from the keys. The status: testing in a running experiment;
-- retired when the last experiment on it rejected or replaced it, unless it has won its share back; paused
-- when its share has been its dimension's least for `paused_after_days`, or it is gone; else active.
WITH newest AS (
    SELECT
        history.*,
        history.probability = min(history.probability) OVER of_one
        AND min(history.probability) OVER of_one < max(history.probability) OVER of_one AS is_least,
        history.probability = max(history.probability) OVER of_one AS is_first
    FROM strategy_allocation_history AS history
    WHERE history.day = :day
    WINDOW of_one AS (PARTITION BY history.dimension)
),

tested AS (
    SELECT arm.dimension, arm.value
    FROM experiments AS running
    CROSS JOIN
        LATERAL (
            VALUES
            (running.dimension, running.control_strategy),
            (running.dimension, running.treatment_strategy)
        ) AS arm (dimension, value)
    WHERE running.status = 'running' AND running.started_at <= :as_of
),

judged AS (
    SELECT DISTINCT ON (arm.dimension, arm.value)
        arm.dimension,
        arm.value,
        arm.is_out
    FROM experiment_events AS decided
    INNER JOIN experiments AS experiment ON decided.experiment_id = experiment.id
    CROSS JOIN
        LATERAL (
            VALUES
            (experiment.dimension, experiment.control_strategy, decided.inputs ->> 'decision' = 'adopt'),
            (
                experiment.dimension,
                experiment.treatment_strategy,
                decided.inputs ->> 'decision' = 'reject'
            )
        ) AS arm (dimension, value, is_out)
    WHERE
        decided.event = 'decided'
        AND decided.inputs ->> 'decision' IN ('adopt', 'reject')
        AND decided.at <= :as_of
    ORDER BY arm.dimension ASC, arm.value ASC, decided.at DESC, arm.is_out DESC
),

retired AS (
    SELECT judged.dimension, judged.value
    FROM judged
    WHERE judged.is_out
),

moved AS (
    INSERT INTO strategy_allocation AS live (
        id, strategy_name, strategy_type, current_allocation_pct, target_allocation_pct,
        avg_followers_gained, confidence_score, sample_size, status, is_exploration, strategy_params,
        last_used, created_at, updated_at, as_of, probability
    )
    SELECT
        cast(md5(concat_ws('/', 'strategy_allocation', newest.dimension, newest.value)) AS UUID),
        newest.value,
        newest.dimension,
        newest.allocation_pct,
        newest.allocation_pct,
        newest.avg_followers_gained,
        newest.confidence_score,
        newest.sample_size,
        CASE
            WHEN (newest.dimension, newest.value) IN (SELECT * FROM tested) THEN 'testing'
            WHEN
                NOT newest.is_first
                AND (newest.dimension, newest.value) IN (SELECT * FROM retired)
                THEN 'retired'
            ELSE 'active'
        END,
        newest.is_exploration,
        jsonb_build_object(
            'successes', newest.successes, 'failures', newest.failures,
            'least_since', CASE WHEN newest.is_least THEN newest.as_of END
        ),
        newest.as_of,
        newest.as_of,
        newest.as_of,
        newest.as_of,
        newest.probability
    FROM newest
    ON CONFLICT (id) DO UPDATE SET
        current_allocation_pct = excluded.current_allocation_pct,
        target_allocation_pct = excluded.target_allocation_pct,
        avg_followers_gained = excluded.avg_followers_gained,
        confidence_score = excluded.confidence_score,
        sample_size = excluded.sample_size,
        status = CASE
            WHEN
                excluded.status = 'active'
                AND excluded.strategy_params ->> 'least_since' IS NOT NULL
                AND cast(live.strategy_params ->> 'least_since' AS TIMESTAMPTZ)
                <= excluded.as_of - :paused_after_days * INTERVAL '1 day'
                THEN 'paused'
            ELSE excluded.status
        END,
        is_exploration = excluded.is_exploration,
        strategy_params = CASE
            WHEN
                excluded.strategy_params ->> 'least_since' IS NOT NULL
                AND live.strategy_params ->> 'least_since' IS NOT NULL
                THEN jsonb_set(
                    excluded.strategy_params, '{least_since}', live.strategy_params -> 'least_since'
                )
            ELSE excluded.strategy_params
        END,
        last_used = excluded.last_used,
        updated_at = excluded.updated_at,
        as_of = excluded.as_of,
        probability = excluded.probability
    WHERE live.as_of <= excluded.as_of
)

UPDATE strategy_allocation AS live
SET
    current_allocation_pct = 0,
    target_allocation_pct = 0,
    probability = 0,
    status = CASE
        WHEN (live.strategy_type, live.strategy_name) IN (SELECT * FROM retired) THEN 'retired'
        ELSE 'paused'
    END,
    as_of = :as_of,
    updated_at = :as_of
WHERE
    live.as_of < :as_of
    -- a dimension without any evidence keeps what it had
    AND live.strategy_type IN (SELECT newest.dimension FROM newest)
    AND NOT EXISTS (
        SELECT FROM newest
        WHERE newest.dimension = live.strategy_type AND newest.value = live.strategy_name
    )

-- Grain: one row per experiment open at the as-of, variant and day since its start, up to this day:
-- the series of looks is folded anew from it. An experiment without an outcome has one empty row.
SELECT
    experiment.id::TEXT AS experiment_id,
    (experiment.started_at AT TIME ZONE 'UTC')::DATE AS started_day,
    rollup.day - (experiment.started_at AT TIME ZONE 'UTC')::DATE AS look,
    split_part(rollup.value, '/', 2) AS variant,
    rollup.n,
    rollup.sum_y,
    rollup.sum_y2
FROM experiments AS experiment
LEFT JOIN daily_rollup AS rollup
    ON
        rollup.dimension = 'experiment'
        AND rollup.metric = 'followers_gained'
        AND rollup.value IN (experiment.id || '/control', experiment.id || '/treatment')
        AND rollup.day BETWEEN (experiment.started_at AT TIME ZONE 'UTC')::DATE AND :day
WHERE
    experiment.started_at < :as_of
    AND (experiment.started_at AT TIME ZONE 'UTC')::DATE > :day - cast(:horizon_days AS INTEGER)
    -- never judged on a part of its days
    AND :day - (experiment.started_at AT TIME ZONE 'UTC')::DATE + 1 <= (
        SELECT count(*) FROM stage_days AS held
        WHERE
            held.stage = 'daily_rollup'
            AND held.day BETWEEN (experiment.started_at AT TIME ZONE 'UTC')::DATE AND :day
    )
    AND experiment.status <> 'suggested'
    AND NOT EXISTS (
        SELECT FROM experiment_events AS ended
        WHERE
            ended.experiment_id = experiment.id
            AND ended.event IN ('decided', 'stopped')
            AND ended.at < :as_of
    )
ORDER BY experiment.id, rollup.day, rollup.value

-- Grain: one row per experiment open at the as-of, variant and day since its start, up to this day: the
-- series of looks is folded anew from it. An experiment without an outcome has one empty row. The newest
-- closed day looks at those that have outlived their horizon too, until they have ended.
WITH known AS (
    SELECT
        id,
        status,
        (started_at AT TIME ZONE 'UTC')::DATE AS started_day,
        greatest(1, least(horizon_days, cast(:horizon_days AS INTEGER))) AS horizon_days
    FROM experiments
    WHERE started_at < :as_of AND status <> 'suggested'
),

open AS (
    SELECT
        id,
        status,
        started_day,
        horizon_days,
        least(cast(:day AS DATE), started_day + horizon_days - 1) AS last_day
    FROM known
)

SELECT
    open.id::TEXT AS experiment_id,
    open.started_day,
    open.horizon_days,
    rollup.day - open.started_day AS look,
    split_part(rollup.value, '/', 2) AS variant,
    rollup.n,
    rollup.positives,
    rollup.sum_y,
    rollup.sum_y2,
    rollup.sum_log1p,
    rollup.sum_log1p2,
    rollup.sum_log,
    rollup.sum_log2,
    rollup.bins,
    rollup.bin_counts
FROM open
LEFT JOIN daily_rollup AS rollup
    ON
        rollup.dimension = 'experiment'
        AND rollup.metric = 'followers_gained'
        AND rollup.value IN (open.id || '/control', open.id || '/treatment')
        AND rollup.day BETWEEN open.started_day AND open.last_day
WHERE
    (open.last_day = :day OR (:is_newest_closed AND open.status = 'running'))
    -- never judged on a part of its days
    AND open.last_day - open.started_day + 1 <= (
        SELECT count(*) FROM stage_days AS held
        WHERE
            held.stage = 'daily_rollup'
            AND held.day BETWEEN open.started_day AND open.last_day
    )
    AND NOT EXISTS (
        SELECT FROM experiment_events AS ended
        WHERE
            ended.experiment_id = open.id
            AND ended.event IN ('decided', 'stopped')
            AND ended.at < :as_of
    )
ORDER BY open.id, rollup.day, rollup.value

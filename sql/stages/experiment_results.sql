-- Grain: one row per experiment, variant and day since its start with any outcome, up to its last day looked
-- at: the course of looks is folded anew from it.
WITH open AS (
    SELECT
        id,
        started_day,
        looks
    FROM unnest(cast(:experiments AS UUID[]), cast(:started_days AS DATE[]), cast(:looks AS INTEGER[]))
        AS one (id, started_day, looks)
)

SELECT
    open.id::TEXT AS experiment_id,
    split_part(rollup.value, '/', 2) AS variant,
    rollup.day - open.started_day AS look,
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
INNER JOIN daily_rollup AS rollup
    ON
        rollup.dimension = 'experiment'
        AND rollup.metric = 'followers_gained'
        AND rollup.value IN (open.id || '/control', open.id || '/treatment')
        AND rollup.day BETWEEN open.started_day AND open.started_day + open.looks - 1

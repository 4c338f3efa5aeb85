-- Grain: one row per window and experiment that it looks at: open at the as-of, and with all its days summed
-- up, for none is judged on a part of them. The newest closed day looks at those that have outlived their
-- horizon too, until they have ended.
WITH asked AS (
    SELECT
        day,
        as_of,
        is_newest_closed
    FROM unnest(cast(:days AS DATE[]), cast(:as_ofs AS TIMESTAMPTZ[]), cast(:newest_closed AS BOOLEAN[]))
        AS one (day, as_of, is_newest_closed)
),

known AS (
    SELECT
        id,
        status,
        started_at,
        (started_at AT TIME ZONE 'UTC')::DATE AS started_day,
        greatest(1, least(horizon_days, cast(:horizon_days AS INTEGER))) AS horizon_days
    FROM experiments
    WHERE status <> 'suggested'
),

open AS (
    SELECT
        asked.day,
        asked.as_of,
        asked.is_newest_closed,
        known.id,
        known.status,
        known.started_day,
        known.horizon_days,
        least(asked.day, known.started_day + known.horizon_days - 1) AS last_day
    FROM asked
    INNER JOIN known ON asked.as_of > known.started_at
)

SELECT
    open.day,
    open.id::TEXT AS experiment_id,
    open.started_day,
    open.horizon_days,
    open.last_day - open.started_day + 1 AS looks
FROM open
WHERE
    (open.last_day = open.day OR (open.is_newest_closed AND open.status = 'running'))
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
            AND ended.at < open.as_of
    )
ORDER BY open.day, open.id

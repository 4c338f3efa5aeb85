-- How far one look for late facts goes: what was recorded after `since`, up to and with `until`. What was
-- recorded before any day that is closed was computed is late for none. The look ends where a source has had
-- `most` rows, with all those of that instant. No row while no day is closed; no `until` where nothing was
-- ever recorded.
WITH looked AS MATERIALIZED (
    SELECT greatest(cast(:since AS TIMESTAMPTZ), min(computed_at)) AS since
    FROM stage_days
    WHERE closed AND stage = any(cast(:stages AS TEXT[]))
    HAVING count(*) > 0
)

SELECT
    looked.since,
    coalesce(
        least(
            (
                SELECT opportunity.recorded_at FROM found_posts AS opportunity
                WHERE opportunity.recorded_at > looked.since
                ORDER BY opportunity.recorded_at
                LIMIT 1 OFFSET :most - 1
            ),
            (
                SELECT content.recorded_at FROM own_posts AS content
                WHERE content.recorded_at > looked.since
                ORDER BY content.recorded_at
                LIMIT 1 OFFSET :most - 1
            ),
            (
                SELECT metrics.recorded_at FROM snapshots AS metrics
                WHERE metrics.recorded_at > looked.since
                ORDER BY metrics.recorded_at
                LIMIT 1 OFFSET :most - 1
            )
        ),
        greatest(
            (SELECT max(recorded_at) FROM found_posts),
            (SELECT max(recorded_at) FROM own_posts),
            (SELECT max(recorded_at) FROM snapshots)
        )
    ) AS until
FROM looked

-- How far each stage is filled, and what it could not compute.
SELECT
    stage.name AS stage,
    count(filled.day) AS days,
    count(filled.day) FILTER (WHERE filled.closed) AS closed_days,
    min(filled.day) AS first_day,
    max(filled.day) AS newest_day,
    max(filled.as_of) AS as_of,
    coalesce(sum(filled.row_count), 0)::BIGINT AS row_count,
    (
        SELECT array_agg(failed.day || ': ' || failed.reason ORDER BY failed.day)
        FROM stage_failures AS failed
        WHERE failed.stage = stage.name
    ) AS failures
FROM unnest(cast(:stages AS TEXT[])) WITH ORDINALITY AS stage (name, position)
LEFT JOIN stage_days AS filled ON stage.name = filled.stage
GROUP BY stage.name, stage.position
ORDER BY stage.position

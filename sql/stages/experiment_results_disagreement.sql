-- Tells, once per experiment, that what is known now would have ended it otherwise than it was ended. The
-- recorded fact stands. The parameter is a list of recomputed looks.
WITH looks AS (
    SELECT one.*
    FROM
        jsonb_to_recordset(cast(:looks AS JSONB))
            AS one (
                place INTEGER,
                experiment_id UUID,
                look INTEGER,
                decision TEXT,
                reason TEXT,
                event TEXT,
                status TEXT
            )
)

INSERT INTO events (event_type, severity, event_data)
SELECT DISTINCT ON (recorded.experiment_id)
    'experiment_disagreement',
    'warning',
    jsonb_build_object(
        'component', 'experiments',
        'experiment_id', recorded.experiment_id,
        'message', 'Experiment ' || experiment.experiment_name || ' was recorded as '
        || coalesce(nullif(recorded.inputs ->> 'status', 'completed'), recorded.inputs ->> 'decision')
        || ' by look ' || (recorded.inputs ->> 'look') || '; recomputed, look ' || one.look
        || ' says ' || CASE
            WHEN one.status IN ('inconclusive', 'failed') THEN one.status
            ELSE one.decision
        END || ': ' || one.reason || ' What was decided stands.'
    )
FROM looks AS one
INNER JOIN experiment_events AS recorded ON one.experiment_id = recorded.experiment_id
INNER JOIN experiments AS experiment ON recorded.experiment_id = experiment.id
WHERE
    recorded.event IN ('decided', 'stopped')
    AND recorded.inputs ? 'look'
    AND (
        -- ended sooner, or otherwise, or not at all by the look that ended it
        (one.event IS NOT NULL AND one.look < (recorded.inputs ->> 'look')::INTEGER)
        OR (
            one.look >= (recorded.inputs ->> 'look')::INTEGER
            AND (
                one.event IS DISTINCT FROM recorded.event
                OR one.decision <> recorded.inputs ->> 'decision'
                OR one.look > (recorded.inputs ->> 'look')::INTEGER
            )
        )
    )
    AND NOT EXISTS (
        SELECT FROM events AS told
        WHERE
            told.event_type = 'experiment_disagreement'
            AND told.event_data ->> 'experiment_id' = recorded.experiment_id::TEXT
    )
ORDER BY recorded.experiment_id, one.place

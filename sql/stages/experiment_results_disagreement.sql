-- Tells, once per experiment, that what is known now would have ended it otherwise than it was ended. The
-- recorded fact stands. Grain of the parameters: one look, recomputed.
INSERT INTO events (event_type, severity, event_data)
SELECT
    'experiment_disagreement',
    'warning',
    jsonb_build_object(
        'component', 'experiments',
        'experiment_id', recorded.experiment_id,
        'message', 'Experiment ' || experiment.experiment_name || ' was recorded as '
        || coalesce(nullif(recorded.inputs ->> 'status', 'completed'), recorded.inputs ->> 'decision')
        || ' by look ' || (recorded.inputs ->> 'look') || '; recomputed, look ' || cast(:look AS INTEGER)
        || ' says ' || CASE
            WHEN cast(:status AS TEXT) IN ('inconclusive', 'failed') THEN cast(:status AS TEXT)
            ELSE cast(:decision AS TEXT)
        END || ': ' || cast(:reason AS TEXT) || ' What was decided stands.'
    )
FROM experiment_events AS recorded
INNER JOIN experiments AS experiment ON recorded.experiment_id = experiment.id
WHERE
    recorded.experiment_id = cast(:experiment_id AS UUID)
    AND recorded.event IN ('decided', 'stopped')
    AND recorded.inputs ? 'look'
    AND (
        -- ended sooner, or otherwise, or not at all by the look that ended it
        (
            cast(:event AS TEXT) IS NOT NULL
            AND cast(:look AS INTEGER) < (recorded.inputs ->> 'look')::INTEGER
        )
        OR (
            cast(:look AS INTEGER) >= (recorded.inputs ->> 'look')::INTEGER
            AND (
                cast(:event AS TEXT) IS DISTINCT FROM recorded.event
                OR cast(:decision AS TEXT) <> recorded.inputs ->> 'decision'
                OR cast(:look AS INTEGER) > (recorded.inputs ->> 'look')::INTEGER
            )
        )
    )
    AND NOT EXISTS (
        SELECT FROM events AS told
        WHERE
            told.event_type = 'experiment_disagreement'
            AND told.event_data ->> 'experiment_id' = cast(:experiment_id AS TEXT)
    )

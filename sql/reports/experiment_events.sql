-- What happened to one experiment.
SELECT event, at, reason, inputs
FROM experiment_events
WHERE experiment_id = cast(:id AS UUID)
ORDER BY at, array_position(ARRAY['created', 'started', 'decided', 'stopped'], event)

-- The newest warnings and errors.
SELECT
    created_at,
    event_type,
    severity,
    event_data ->> 'component' AS component,
    event_data ->> 'message' AS message
FROM events
WHERE severity_level(severity) IN ('warning', 'error', 'critical')
ORDER BY created_at DESC
LIMIT 5

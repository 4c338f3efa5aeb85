-- What is new or surging among the errors of today, or of yesterday where today is not computed yet.
SELECT
    category,
    component,
    occurrences,
    trend
FROM error_analysis
WHERE
    day = (SELECT max(newest.day) FROM error_analysis AS newest)
    AND day >= cast(cast(:now AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS DATE) - 1
    AND trend IN ('new', 'surging')
ORDER BY occurrences DESC, category ASC, fingerprint ASC
LIMIT 3

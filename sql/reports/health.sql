-- The newest verdict.
SELECT status, degradation, p_value, pivot_warranted, reason, as_of
FROM health_status
WHERE day = (SELECT max(day) FROM health_status)

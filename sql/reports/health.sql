-- The newest verdict.
SELECT status, degradation, p_value, pivot_warranted, reason, as_of
FROM health_status
ORDER BY day DESC
LIMIT 1

-- The verdict on the day of the newest outcome.
SELECT status, degradation, p_value, pivot_warranted, reason, as_of
FROM health_status
WHERE day = (SELECT max(day) FROM daily_rollup WHERE dimension = 'all')

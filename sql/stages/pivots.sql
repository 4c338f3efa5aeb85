-- Grain: one row, the newest verdict on health, where there is any.
SELECT
    day,
    status,
    rule,
    degradation,
    pivot_warranted,
    episode_started_at,
    segment_started_on,
    usual_since,
    diagnosis,
    reason
FROM health_status
ORDER BY day DESC
LIMIT 1

-- Grain: one row per family and arm: the evidence of the same day's analytics. What nobody recorded
-- is no arm: an 'unknown' cannot be chosen.
SELECT
    dimension_type AS strategy_type,
    dimension_value AS strategy_name,
    success_count AS successes,
    sample_size - success_count AS failures,
    sample_size,
    avg_followers_gained,
    confidence_score
FROM reply_performance_analytics
WHERE
    day = :day
    AND dimension_type = ANY(:families)
    AND dimension_value <> 'unknown'
    AND sample_size > 0
ORDER BY dimension_type, dimension_value

-- Grain: one row per family and arm: the evidence of the same day's analytics. What nobody recorded is no
-- arm: an 'unknown' cannot be chosen.
SELECT
    rated.dimension_type AS strategy_type,
    rated.dimension_value AS strategy_name,
    rated.success_count AS successes,
    rated.sample_size - rated.success_count AS failures,
    rated.sample_size,
    rated.avg_followers_gained,
    rated.confidence_score
FROM reply_performance_analytics AS rated
WHERE
    rated.day = :day
    AND rated.dimension_type = ANY(:families)
    AND rated.dimension_value <> 'unknown'
    AND rated.sample_size > 0
ORDER BY rated.dimension_type, rated.dimension_value

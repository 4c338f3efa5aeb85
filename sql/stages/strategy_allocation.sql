-- Grain: one row per day, dimension and value: the evidence of the same day's analytics. What nobody recorded
-- is no arm: an 'unknown' cannot be chosen.
SELECT
    rated.day,
    rated.dimension_type AS dimension,
    rated.dimension_value AS value,
    rated.success_count AS successes,
    rated.sample_size - rated.success_count AS failures,
    rated.sample_size,
    rated.avg_followers_gained,
    rated.confidence_score
FROM reply_performance_analytics AS rated
WHERE
    rated.day = ANY(:days)
    AND rated.dimension_type = ANY(:dimensions)
    AND rated.dimension_value <> 'unknown'
    AND rated.sample_size > 0

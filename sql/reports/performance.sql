-- The window that ends with the newest outcome: the best of each dimension first, with its trend over weeks.
WITH newest AS (
    SELECT max(day) AS day FROM daily_rollup
    WHERE dimension = 'all'
),

trends AS (
    SELECT
        trend.dimension,
        trend.value,
        trend.direction,
        trend.per_week
    FROM newest
    INNER JOIN health_status AS health ON newest.day = health.day
    CROSS JOIN
        jsonb_to_recordset(health.trends)
            AS trend (dimension TEXT, value TEXT, direction TEXT, per_week DOUBLE PRECISION)
)

SELECT
    performance.dimension_type,
    performance.dimension_value,
    performance.reply_count,
    performance.avg_followers_gained::DOUBLE PRECISION AS avg_followers_gained,
    performance.avg_profile_clicks::DOUBLE PRECISION AS avg_profile_clicks,
    performance.confidence_score::DOUBLE PRECISION AS confidence_score,
    performance.roi_score::DOUBLE PRECISION AS roi_score,
    performance.performance_tier,
    performance.shrunk_mean,
    performance.interval_low,
    performance.interval_high,
    performance.believed_metric,
    performance.conversion,
    performance.conversion_low,
    performance.conversion_high,
    (performance.metadata ->> 'rank')::INTEGER AS rank,
    performance.metadata ->> 'insight' AS insight,
    trends.direction AS trend,
    trends.per_week AS trend_per_week,
    performance.as_of
FROM reply_performance_analytics AS performance
INNER JOIN newest ON performance.day = newest.day
LEFT JOIN trends
    ON performance.dimension_type = trends.dimension AND performance.dimension_value = trends.value
ORDER BY
    performance.dimension_type ASC,
    (performance.metadata ->> 'rank')::INTEGER NULLS LAST,
    performance.reply_count DESC,
    performance.dimension_value ASC

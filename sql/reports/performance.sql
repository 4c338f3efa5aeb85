-- The window that ends with the newest outcome: the best of each dimension first.
SELECT
    dimension_type,
    dimension_value,
    reply_count,
    avg_followers_gained::DOUBLE PRECISION AS avg_followers_gained,
    avg_profile_clicks::DOUBLE PRECISION AS avg_profile_clicks,
    confidence_score::DOUBLE PRECISION AS confidence_score,
    roi_score::DOUBLE PRECISION AS roi_score,
    performance_tier,
    shrunk_mean,
    interval_low,
    interval_high,
    (metadata ->> 'rank')::INTEGER AS rank,
    metadata ->> 'insight' AS insight,
    as_of
FROM reply_performance_analytics
WHERE day = (SELECT max(day) FROM daily_rollup WHERE dimension = 'all')
ORDER BY dimension_type ASC, (metadata ->> 'rank')::INTEGER NULLS LAST, reply_count DESC, dimension_value ASC

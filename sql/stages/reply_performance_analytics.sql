-- Grain: one row per dimension and value, the window's days merged. The baseline (dimension 'all')
-- comes with it. Days are added in order: the same rollups give the same bits.
SELECT
    dimension,
    value,
    coalesce(max(total) FILTER (WHERE metric = 'followers_gained'), 0) AS reply_count,
    coalesce(max(n) FILTER (WHERE metric = 'followers_gained'), 0) AS sample_size,
    coalesce(max(successes) FILTER (WHERE metric = 'followers_gained'), 0) AS success_count,
    coalesce(max(n) FILTER (WHERE metric = 'followers_gained'), 0) AS followers_n,
    coalesce(max(positives) FILTER (WHERE metric = 'followers_gained'), 0) AS followers_positives,
    coalesce(max(sum_log) FILTER (WHERE metric = 'followers_gained'), 0) AS followers_sum_log,
    coalesce(max(sum_log2) FILTER (WHERE metric = 'followers_gained'), 0) AS followers_sum_log2,
    coalesce(max(sum_y) FILTER (WHERE metric = 'followers_gained'), 0) AS followers_sum_y,
    coalesce(max(sum_y2) FILTER (WHERE metric = 'followers_gained'), 0) AS followers_sum_y2,
    coalesce(max(n) FILTER (WHERE metric = 'profile_clicks'), 0) AS visits_n,
    coalesce(max(positives) FILTER (WHERE metric = 'profile_clicks'), 0) AS visits_positives,
    coalesce(max(sum_log) FILTER (WHERE metric = 'profile_clicks'), 0) AS visits_sum_log,
    coalesce(max(sum_log2) FILTER (WHERE metric = 'profile_clicks'), 0) AS visits_sum_log2,
    coalesce(max(sum_y) FILTER (WHERE metric = 'profile_clicks'), 0) AS visits_sum_y,
    coalesce(max(sum_y2) FILTER (WHERE metric = 'profile_clicks'), 0) AS visits_sum_y2,
    max(sum_y / nullif(n, 0)) FILTER (WHERE metric = 'likes') AS avg_likes,
    max(sum_y / nullif(n, 0)) FILTER (WHERE metric = 'impressions') AS avg_impressions,
    max(sum_y / nullif(n, 0)) FILTER (WHERE metric = 'profile_clicks') AS avg_profile_clicks
FROM (
    SELECT
        dimension,
        value,
        metric,
        sum(reply_count) AS total,
        sum(n) AS n,
        sum(positives) AS positives,
        sum(successes) AS successes,
        sum(sum_log ORDER BY day) AS sum_log,
        sum(sum_log2 ORDER BY day) AS sum_log2,
        sum(sum_y ORDER BY day) AS sum_y,
        sum(sum_y2 ORDER BY day) AS sum_y2
    FROM daily_rollup
    WHERE
        day BETWEEN :first_day AND :day
        AND dimension = any(:dimensions)
    GROUP BY dimension, value, metric
) AS merged
GROUP BY dimension, value
ORDER BY dimension, value

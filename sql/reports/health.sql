-- The newest verdict.
SELECT
    status, degradation, p_value, pivot_warranted, reason, as_of, day, rule, watched, recent_avg_followers,
    historical_avg_followers, sample_size_recent, cusum, threshold, pivot_threshold, baseline_mean,
    baseline_sd, baseline_days, segment_started_on, segment_replies, segment_mean, episode_started_at,
    diagnosis, silence
FROM health_status
WHERE day = (SELECT max(day) FROM health_status)

-- Every look at one experiment, with what it went by.
SELECT
    day, look, sample_size_control, sample_size_treatment, control_avg_followers, treatment_avg_followers,
    improvement_pct, shrunk_lift_pct, lift_low_pct, lift_high_pct, rule, compared, statistic, adopt_bound,
    reject_bound, sequential_p_value, p_value, sample_ratio_p_value, decision, reason
FROM experiment_results
WHERE experiment_id = cast(:id AS UUID)
ORDER BY day

-- The accounts' live figures: the account rollup of the newest partition is their one writer.
UPDATE accounts AS known
SET avg_followers_per_reply = rated.avg_followers_gained, performance_tier = rated.performance_tier
FROM reply_performance_analytics AS rated
WHERE
    rated.day = :day
    AND rated.dimension_type = 'account'
    AND rated.dimension_value <> 'unknown'
    AND rated.sample_size > 0
    AND lower(known.username) = rated.dimension_value
    AND (known.avg_followers_per_reply, known.performance_tier)
    IS DISTINCT FROM (rated.avg_followers_gained, rated.performance_tier)

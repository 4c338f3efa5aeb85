-- The accounts that the bot had no row for.
INSERT INTO accounts (username, avg_followers_per_reply, performance_tier)
SELECT rated.dimension_value, rated.avg_followers_gained, rated.performance_tier
FROM reply_performance_analytics AS rated
WHERE
    rated.day = :day
    AND rated.dimension_type = 'account'
    AND rated.dimension_value <> 'unknown'
    AND rated.sample_size > 0
    AND NOT EXISTS (
        SELECT FROM accounts AS known WHERE lower(known.username) = rated.dimension_value
    )

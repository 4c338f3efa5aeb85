-- The accounts' live figures: the account rollup of the newest partition is their one writer.
WITH rated AS (
    SELECT dimension_value AS account, avg_followers_gained, performance_tier
    FROM reply_performance_analytics
    WHERE day = :day AND dimension_type = 'account' AND dimension_value <> 'unknown' AND sample_size > 0
),

added AS (
    INSERT INTO accounts (username, avg_followers_per_reply, performance_tier)
    SELECT rated.account, rated.avg_followers_gained, rated.performance_tier
    FROM rated
    WHERE NOT EXISTS (
        SELECT FROM accounts AS known WHERE lower(known.username) = rated.account
    )
)

UPDATE accounts AS known
SET avg_followers_per_reply = rated.avg_followers_gained, performance_tier = rated.performance_tier
FROM rated
WHERE
    lower(known.username) = rated.account
    AND (known.avg_followers_per_reply, known.performance_tier)
    IS DISTINCT FROM (rated.avg_followers_gained, rated.performance_tier)

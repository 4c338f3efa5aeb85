-- Grain: one row per day of the historical window: how many replies, and what they brought.
SELECT day, n, sum_y, sum_y2
FROM daily_rollup
WHERE
    dimension = 'all'
    AND metric = 'followers_gained'
    AND day BETWEEN :first_day AND :day
ORDER BY day

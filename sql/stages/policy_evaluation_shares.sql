-- Grain: one row per dimension and value of the day's allocation.
SELECT dimension, value, probability
FROM strategy_allocation_history
WHERE day = :day
ORDER BY dimension, value

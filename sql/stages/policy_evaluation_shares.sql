-- Grain: one row per day, dimension and value of the allocation.
SELECT day, dimension, value, probability
FROM strategy_allocation_history
WHERE day = ANY(:days)
ORDER BY day, dimension, value

-- Grain: one row per family and arm of the day's allocation.
SELECT strategy_type, strategy_name, probability
FROM strategy_allocation_history
WHERE day = :day
ORDER BY strategy_type, strategy_name

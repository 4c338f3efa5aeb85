-- The live shares of one dimension.
SELECT strategy_name AS value, probability
FROM strategy_allocation
WHERE strategy_type = :dimension AND probability > 0
ORDER BY strategy_name

-- The live shares of one family.
SELECT strategy_name, probability
FROM strategy_allocation
WHERE strategy_type = :family AND probability > 0
ORDER BY strategy_name

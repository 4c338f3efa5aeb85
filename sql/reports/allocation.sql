-- The newest shares that were decided, the largest first in each family.
SELECT
    strategy_type,
    strategy_name,
    allocation_pct::DOUBLE PRECISION AS allocation_pct,
    sample_size,
    is_exploration,
    as_of
FROM strategy_allocation_history
WHERE day = (SELECT max(day) FROM strategy_allocation_history)
ORDER BY strategy_type ASC, allocation_pct DESC, strategy_name ASC

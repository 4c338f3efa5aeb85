-- The shares decided on the day of the newest outcome, the largest first in each family.
SELECT
    strategy_type,
    strategy_name,
    allocation_pct::DOUBLE PRECISION AS allocation_pct,
    sample_size,
    is_exploration,
    as_of
FROM strategy_allocation_history
WHERE day = (SELECT max(day) FROM daily_rollup WHERE dimension = 'all')
ORDER BY strategy_type ASC, allocation_pct DESC, strategy_name ASC

-- The shares decided on the day of the newest outcome, the largest first in each dimension.
SELECT
    dimension,
    value,
    allocation_pct::DOUBLE PRECISION AS allocation_pct,
    sample_size,
    is_exploration,
    as_of
FROM strategy_allocation_history
WHERE day = (SELECT max(day) FROM daily_rollup WHERE dimension = 'all')
ORDER BY dimension ASC, allocation_pct DESC, value ASC

-- Grain: one row per day: what the values of some dimensions brought on it. `value` names each, and `numbers`
-- has a row for it: the places of its dimension and its metric among those asked for, the day counted from
-- the first, and its sums. So much is read that it comes as the server holds it, not written out in digits.
SELECT
    array_agg(value) AS value,
    array_send(array_agg(ARRAY[
        array_position(cast(:dimensions AS TEXT[]), dimension),
        array_position(cast(:metrics AS TEXT[]), metric),
        day - cast(:first_day AS DATE),
        reply_count, n, positives, successes, sum_log, sum_log2, sum_y, sum_y2
    ])) AS numbers
FROM daily_rollup
WHERE
    day BETWEEN :first_day AND :last_day
    AND dimension = any(:dimensions)
    AND metric = any(:metrics)
GROUP BY day

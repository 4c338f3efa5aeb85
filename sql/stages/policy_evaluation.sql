-- Grain: one row per dimension and day of the windows: its replies that have an entry in the ledger, in the
-- order of their decisions. A queue slot's probabilities are given the slots drawn before it: what is
-- evaluated is another draw of this dimension alone. So many numbers come as the server holds them.
SELECT
    day,
    dimension,
    menus,
    arms,
    array_send(menu) AS menu,
    array_send(arm) AS arm,
    array_send(decided_at) AS decided_at,
    array_send(followers_gained) AS followers_gained
FROM logged_decisions
WHERE
    day BETWEEN :first_day AND :day
    AND dimension = any(:dimensions)
ORDER BY day

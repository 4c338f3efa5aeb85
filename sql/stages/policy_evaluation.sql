-- Grain: one row per dimension and day of the windows: its replies that have an entry in the ledger, in the
-- order of their decisions. A queue slot's probabilities are given the slots drawn before it: what is
-- evaluated is another draw of this dimension alone.
SELECT day, dimension, menus, arms, menu, arm, decided_at, followers_gained
FROM logged_decisions
WHERE
    day BETWEEN :first_day AND :day
    AND dimension = ANY(:dimensions)
ORDER BY day

-- Grain: one row per dimension and reply of the window that has an entry in the ledger: the arm it got, the
-- exact probabilities of all that it might have got, and what it brought. A queue slot's probabilities are
-- given the slots drawn before it: what is evaluated is another draw of this dimension alone.
SELECT
    wanted.dimension,
    ledger.decided_at,
    ledger.unit,
    ledger.arm,
    ledger.available::TEXT AS available,
    outcome.followers_gained
FROM reply_outcomes AS outcome
CROSS JOIN unnest(cast(:dimensions AS TEXT[])) AS wanted (dimension)
INNER JOIN decision_ledger AS ledger
    ON ledger.dimension = ledger_key(wanted.dimension) AND ledger.unit = ledger_key(outcome.decision_id)
WHERE
    outcome.day BETWEEN :first_day AND :day
    AND outcome.followers_gained IS NOT NULL
    AND ledger.decided_at < :as_of

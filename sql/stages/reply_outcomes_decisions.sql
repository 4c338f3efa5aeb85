-- Grain: one row per dimension of which a reply of the day has an entry in the ledger; keys: day, dimension.
-- Its lists hold one element per reply, in the order of the decisions: the place (from 1) of the menu it was
-- offered, arm to probability, and of the arm it got, when that was, in microseconds, and what it brought.
INSERT INTO logged_decisions (
    day, as_of, dimension, menus, arms, menu, arm, decided_at, followers_gained
)
SELECT
    :day,
    :as_of,
    dimension,
    array_agg(DISTINCT available),
    array_agg(DISTINCT arm),
    array_agg(menu ORDER BY decided_at, unit),
    array_agg(place ORDER BY decided_at, unit),
    array_agg((extract(EPOCH FROM decided_at) * 1000000)::BIGINT ORDER BY decided_at, unit),
    array_agg(followers_gained ORDER BY decided_at, unit)
FROM (
    SELECT
        known.name AS dimension,
        ledger.decided_at,
        ledger.unit COLLATE "C" AS unit,
        ledger.arm COLLATE "C" AS arm,
        ledger.available::TEXT COLLATE "C" AS available,
        outcome.followers_gained,
        dense_rank() OVER (PARTITION BY known.name ORDER BY ledger.available::TEXT COLLATE "C") AS menu,
        dense_rank() OVER (PARTITION BY known.name ORDER BY ledger.arm COLLATE "C") AS place
    FROM reply_outcomes AS outcome
    CROSS JOIN dimensions AS known
    INNER JOIN decision_ledger AS ledger
        ON known.name = ledger.dimension AND ledger.unit = ledger_key(outcome.decision_id)
    WHERE
        outcome.day = :day
        AND outcome.followers_gained IS NOT NULL
        AND ledger.decided_at < :as_of
) AS served
GROUP BY dimension

-- What the ledger says of the replies whose outcome became known on a day, by dimension, in the order of the
-- decisions: other policies are judged by weeks of them, which would be looked up one by one every day.
CREATE TABLE logged_decisions (
    day DATE NOT NULL,
    as_of TIMESTAMPTZ NOT NULL,
    dimension TEXT NOT NULL,
    menus TEXT[] NOT NULL,
    arms TEXT[] NOT NULL,
    menu INTEGER[] NOT NULL,
    arm INTEGER[] NOT NULL,
    decided_at BIGINT[] NOT NULL,
    followers_gained BIGINT[] NOT NULL,
    PRIMARY KEY (day, dimension)
);
INSERT INTO logged_decisions (
    day, as_of, dimension, menus, arms, menu, arm, decided_at, followers_gained
)
SELECT
    day,
    max(as_of),
    dimension,
    array_agg(DISTINCT available),
    array_agg(DISTINCT arm),
    array_agg(menu ORDER BY decided_at, unit),
    array_agg(place ORDER BY decided_at, unit),
    array_agg((extract(EPOCH FROM decided_at) * 1000000)::BIGINT ORDER BY decided_at, unit),
    array_agg(followers_gained ORDER BY decided_at, unit)
FROM (
    SELECT
        outcome.day,
        outcome.as_of,
        ledger.dimension,
        ledger.decided_at,
        ledger.unit COLLATE "C" AS unit,
        ledger.arm COLLATE "C" AS arm,
        ledger.available::TEXT COLLATE "C" AS available,
        outcome.followers_gained,
        dense_rank() OVER (
            PARTITION BY outcome.day, ledger.dimension ORDER BY ledger.available::TEXT COLLATE "C"
        ) AS menu,
        dense_rank() OVER (
            PARTITION BY outcome.day, ledger.dimension ORDER BY ledger.arm COLLATE "C"
        ) AS place
    FROM reply_outcomes AS outcome
    INNER JOIN decision_ledger AS ledger
        ON ledger.unit = CASE
            WHEN octet_length(outcome.decision_id) <= 200 AND left(outcome.decision_id, 7) <> 'sha256:'
                THEN outcome.decision_id
            ELSE 'sha256:' || encode(sha256(convert_to(outcome.decision_id, 'UTF8')), 'hex')
        END
    WHERE
        outcome.followers_gained IS NOT NULL
        AND ledger.decided_at < outcome.as_of
        AND left(ledger.dimension, 11) <> 'experiment:'
) AS served
GROUP BY day, dimension;

-- Grain: one row per open experiment and look (the day since its start) on which units were given a
-- variant or were judged: by the ledger, what was to be expected of them. Only a unit that the loop served
-- is judged, and outcomes without exposure only where others of the experiment can be traced to theirs, or
-- where the loop started it: an import knows of no exposures. All that counts in a row was known as it is by
-- its day `known` at the latest: what an earlier day saw may have been another.
WITH open AS (
    SELECT
        experiment.id,
        experiment.dimension,
        experiment.control_strategy,
        experiment.treatment_strategy,
        (experiment.started_at AT TIME ZONE 'UTC')::DATE AS started_day
    FROM experiments AS experiment
    WHERE experiment.id IN (SELECT unnest(cast(:experiments AS UUID[])))
),

-- every trace of a unit's variant, wherever it was written down
given AS (
    SELECT
        open.id,
        assigned.unit,
        assigned.variant,
        assigned.assigned_at AS at,
        CASE assigned.variant
            WHEN 'treatment' THEN assigned.probability ELSE 1 - assigned.probability
        END AS p
    FROM open
    INNER JOIN experiment_assignments AS assigned ON open.id = assigned.experiment_id
    WHERE assigned.assigned_at < :as_of
    UNION ALL
    SELECT
        open.id,
        ledger.unit,
        ledger.arm,
        ledger.decided_at,
        CASE ledger.arm WHEN 'treatment' THEN ledger.probability ELSE 1 - ledger.probability END
    FROM open
    INNER JOIN decision_ledger AS ledger ON 'experiment:' || open.id = ledger.dimension
    WHERE ledger.decided_at < :as_of
    UNION ALL
    SELECT
        open.id,
        ledger.unit,
        CASE ledger.arm WHEN open.treatment_strategy THEN 'treatment' ELSE 'control' END,
        ledger.decided_at,
        NULL
    FROM open
    INNER JOIN decision_ledger AS ledger
        ON open.dimension = ledger.dimension AND 'experiment/' || open.id = ledger.policy_version
    WHERE
        ledger.decided_at < :as_of
        AND open.control_strategy <> open.treatment_strategy
        AND ledger.arm IN (open.control_strategy, open.treatment_strategy)
),

firsts AS (
    SELECT
        given.id,
        given.unit,
        given.variant,
        min(given.at) AS at,
        max(given.at) AS last_at,
        min(given.p) AS p
    FROM given
    GROUP BY given.id, given.unit, given.variant
),

exposed AS (
    SELECT
        firsts.id,
        firsts.unit,
        firsts.id || '/' || firsts.unit AS key,
        (array_agg(firsts.variant ORDER BY firsts.at, firsts.variant))[1] AS variant,
        min(firsts.p) AS p,
        (min(firsts.at) AT TIME ZONE 'UTC')::DATE AS day,
        (max(firsts.last_at) AT TIME ZONE 'UTC')::DATE AS known,
        -- known to be broken from its second variant on
        CASE WHEN count(*) > 1 THEN (max(firsts.at) AT TIME ZONE 'UTC')::DATE END AS twice_day
    FROM firsts
    GROUP BY firsts.id, firsts.unit
),

-- Each outcome under the names that its unit may have. It is joined by one key, of experiment and unit: by
-- the experiment alone, of which there may be one, every outcome would be held against every unit.
named AS (
    SELECT
        open.id,
        outcome.day,
        outcome.decision_id,
        outcome.experiment_variant AS variant,
        open.id || '/' || name.unit AS key
    FROM open
    INNER JOIN reply_outcomes AS outcome
        ON
            open.id = outcome.experiment_id
            AND outcome.day BETWEEN open.started_day AND :day
            AND outcome.experiment_variant IN ('control', 'treatment')
    CROSS JOIN
        LATERAL (
            VALUES
            (ledger_key(outcome.decision_id)),
            (ledger_key(outcome.target_tweet_id)),
            (ledger_key(outcome.tweet_id))
        ) AS name (unit)
),

judged AS (
    SELECT DISTINCT ON (named.id, named.day, named.decision_id)
        named.id,
        named.day,
        named.variant,
        exposed.variant AS given,
        exposed.p,
        greatest(
            named.day, max(exposed.known) OVER (PARTITION BY named.id, named.day, named.decision_id)
        ) AS known
    FROM named
    LEFT JOIN exposed ON named.key = exposed.key
    ORDER BY
        named.id ASC,
        named.day ASC,
        named.decision_id ASC,
        exposed.unit IS NULL ASC,
        exposed.variant = named.variant DESC,
        exposed.unit ASC
),

-- from when on outcomes without exposure count
traceable AS (
    SELECT
        traced.id,
        min(traced.known) AS known
    FROM (
        SELECT id, known FROM judged WHERE given IS NOT NULL
        UNION ALL
        SELECT started.experiment_id, (started.at AT TIME ZONE 'UTC')::DATE
        FROM experiment_events AS started
        WHERE started.event = 'started' AND started.at < :as_of
    ) AS traced
    GROUP BY traced.id
),

counted AS (
    SELECT
        id, day, variant, coalesce(p, 0) AS p, known,
        (p IS NOT NULL)::INTEGER AS exposed, 0 AS judged, 0 AS twice, 0 AS unexposed
    FROM exposed
    UNION ALL
    SELECT
        id, twice_day, variant, 0, known,
        0, 0, 1, 0
    FROM exposed
    WHERE twice_day IS NOT NULL
    UNION ALL
    SELECT
        id, day, variant, coalesce(p, 0), known,
        0, (p IS NOT NULL)::INTEGER, (p IS NOT NULL AND given <> variant)::INTEGER, 0
    FROM judged
    WHERE given IS NOT NULL
    UNION ALL
    SELECT
        judged.id, judged.day, judged.variant, 0, greatest(judged.known, traceable.known),
        0, 0, 0, 1
    FROM judged
    INNER JOIN traceable ON judged.id = traceable.id
    WHERE judged.given IS NULL
)

SELECT
    counted.id::TEXT AS experiment_id,
    greatest(counted.day - open.started_day, 0) AS look,
    sum(exposed) AS exposed,
    coalesce(sum(exposed) FILTER (WHERE variant = 'treatment'), 0) AS exposed_treated,
    sum(exposed * p ORDER BY p) AS exposed_expected,
    sum(exposed * p * (1 - p) ORDER BY p) AS exposed_variance,
    sum(judged) AS judged,
    coalesce(sum(judged) FILTER (WHERE variant = 'treatment'), 0) AS judged_treated,
    sum(judged * p ORDER BY p) AS judged_expected,
    sum(judged * p * (1 - p) ORDER BY p) AS judged_variance,
    sum(twice) AS twice,
    sum(unexposed) AS unexposed,
    max(known) AS known
FROM counted
INNER JOIN open ON counted.id = open.id
GROUP BY counted.id, open.started_day, counted.day
ORDER BY counted.id, counted.day

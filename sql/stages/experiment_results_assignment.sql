-- Grain: one row per open experiment and look (the day since its start) on which units were given a
-- variant or were judged: by the ledger, what was to be expected of them. Only a unit that the loop served
-- is judged, and outcomes without exposure only where others of the experiment can be traced to theirs, or
-- where the loop started it: an import knows of no exposures. All that counts in a row was known as it is by
-- its day `known` at the latest: what an earlier day saw may have been another.
WITH open AS (
    SELECT
        experiment.id,
        '/' || experiment.id AS of_id,  -- the end of a key
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
        firsts.unit || '/' || firsts.id AS key,
        (array_agg(firsts.variant ORDER BY firsts.at, firsts.variant))[1] AS variant,
        min(firsts.p) AS p,
        (min(firsts.at) AT TIME ZONE 'UTC')::DATE AS day,
        (max(firsts.last_at) AT TIME ZONE 'UTC')::DATE AS known,
        -- known to be broken from its second variant on
        CASE WHEN count(*) > 1 THEN (max(firsts.at) AT TIME ZONE 'UTC')::DATE END AS twice_day
    FROM firsts
    GROUP BY firsts.id, firsts.unit
),

ripe AS (
    SELECT
        open.id,
        open.of_id,
        outcome.day,
        outcome.decision_id,
        outcome.target_tweet_id,
        outcome.tweet_id,
        outcome.experiment_variant AS variant
    FROM open
    INNER JOIN reply_outcomes AS outcome
        ON
            open.id = outcome.experiment_id
            AND outcome.day BETWEEN open.started_day AND :day
            AND outcome.experiment_variant IN ('control', 'treatment')
),

-- Each outcome under the names that its unit may have, where one of them was given a variant. It is joined by
-- one key, of unit and experiment: by the experiment alone, of which there may be one, every outcome would be
-- held against every unit.
served AS (
    SELECT
        named.id,
        named.day,
        named.decision_id,
        named.variant,
        exposed.variant AS given,
        exposed.p,
        exposed.unit,
        exposed.known
    FROM (
        SELECT id, day, decision_id, variant, ledger_key(decision_id) || of_id AS key FROM ripe
        UNION ALL
        SELECT id, day, decision_id, variant, ledger_key(target_tweet_id) || of_id FROM ripe
        UNION ALL
        SELECT id, day, decision_id, variant, ledger_key(tweet_id) || of_id FROM ripe
    ) AS named
    INNER JOIN exposed ON named.key = exposed.key
),

judged AS (
    SELECT DISTINCT ON (id, day, decision_id)
        id,
        day,
        variant,
        decision_id,
        given,
        p,
        greatest(day, max(known) OVER (PARTITION BY id, day, decision_id)) AS known
    FROM served
    ORDER BY id ASC, day ASC, decision_id ASC, given = variant DESC, unit ASC
),

untraced AS (
    SELECT ripe.id, ripe.day, ripe.variant
    FROM ripe
    LEFT JOIN judged
        ON
            ripe.decision_id = judged.decision_id
            AND ripe.day = judged.day
            AND ripe.id = judged.id
    WHERE judged.id IS NULL
),

-- from when on outcomes without exposure count
traceable AS (
    SELECT
        traced.id,
        min(traced.known) AS known
    FROM (
        SELECT id, known FROM judged
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
    UNION ALL
    SELECT
        untraced.id, untraced.day, untraced.variant, 0, greatest(untraced.day, traceable.known),
        0, 0, 0, 1
    FROM untraced
    INNER JOIN traceable ON untraced.id = traceable.id
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

-- Grain: one row per window asked for, by its place, and treatment adopted within the incumbency before its
-- as-of, the oldest first: the control that it replaces and that one's share. What was rejected or replaced
-- since is an incumbent no longer.
SELECT DISTINCT ON (asked.place, decided.at, experiment.dimension, experiment.treatment_strategy)
    cast(asked.place - 1 AS INTEGER) AS place,
    experiment.dimension,
    experiment.treatment_strategy AS value,
    experiment.control_strategy AS replaces,
    decided.at AS adopted_at,
    cast(decided.inputs ->> 'control_share' AS DOUBLE PRECISION) AS former_share
FROM unnest(cast(:as_ofs AS TIMESTAMPTZ[])) WITH ORDINALITY AS asked (as_of, place)
INNER JOIN experiment_events AS decided
    ON
        asked.as_of > decided.at
        AND decided.at >= asked.as_of - cast(:incumbency AS INTERVAL)
INNER JOIN experiments AS experiment ON decided.experiment_id = experiment.id
WHERE
    decided.event = 'decided'
    AND decided.inputs ->> 'decision' = 'adopt'
    AND NOT EXISTS (
        SELECT FROM experiment_events AS later
        INNER JOIN experiments AS other ON later.experiment_id = other.id
        WHERE
            later.event = 'decided'
            AND later.at < asked.as_of
            AND later.at > decided.at
            AND other.dimension = experiment.dimension
            AND CASE later.inputs ->> 'decision'
                WHEN 'adopt'
                    THEN experiment.treatment_strategy IN (other.control_strategy, other.treatment_strategy)
                WHEN 'reject' THEN experiment.treatment_strategy = other.treatment_strategy
                ELSE FALSE
            END
    )
ORDER BY
    asked.place ASC,
    decided.at ASC,
    experiment.dimension ASC,
    experiment.treatment_strategy ASC,
    experiment.id ASC

-- Grain: one row per experiment that was adopted or rejected within the window, series and day of the window,
-- in the order of decisions: what its control and its treatment brought, and all replies with the treatment's
-- value.
WITH decided AS (
    SELECT
        result.experiment_id,
        result.decision,
        result.day AS decided_on,
        result.day - result.look + 1 AS started_on,
        experiment.dimension,
        experiment.control_strategy AS control_value,
        experiment.treatment_strategy AS treated_value
    FROM experiment_results AS result
    INNER JOIN experiments AS experiment ON result.experiment_id = experiment.id
    WHERE result.day BETWEEN :first_day AND :day AND result.decision IN ('adopt', 'reject')
)

SELECT
    decided.experiment_id::TEXT AS experiment_id,
    decided.decision,
    decided.started_on,
    decided.decided_on,
    decided.dimension,
    decided.control_value,
    decided.treated_value,
    series.name AS series,
    rollup.day,
    rollup.n,
    rollup.sum_log1p,
    rollup.sum_log1p2
FROM decided
CROSS JOIN
    LATERAL (
        VALUES
        ('control', 'experiment', decided.experiment_id || '/control'),
        ('treatment', 'experiment', decided.experiment_id || '/treatment'),
        ('value', decided.dimension, decided.treated_value)
    ) AS series (name, dimension, value)
INNER JOIN daily_rollup AS rollup
    ON
        series.dimension = rollup.dimension
        AND series.value = rollup.value
        AND rollup.metric = :metric
        AND rollup.day BETWEEN :first_day AND :day
ORDER BY decided.decided_on, decided.experiment_id, series.name, rollup.day

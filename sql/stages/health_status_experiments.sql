-- Grain: one row per decision to adopt or reject an experiment on the days given, metric and series, in the
-- order of decisions: what its control and its treatment brought, and all replies with the treatment's value,
-- day by day as lists that go together, `places` counted from the first day.
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
    WHERE result.day BETWEEN :first_day AND :last_day AND result.decision IN ('adopt', 'reject')
)

SELECT
    decided.experiment_id::TEXT AS experiment_id,
    decided.dimension,
    decided.control_value,
    decided.treated_value,
    decided.decision,
    decided.started_on,
    decided.decided_on,
    daily.metric,
    series.name AS series,
    array_agg(daily.day - :first_day) AS places,
    array_agg(daily.n) AS n,
    array_agg(daily.sum_log1p) AS sum_log1p,
    array_agg(daily.sum_log1p2) AS sum_log1p2
FROM decided
CROSS JOIN
    LATERAL (
        VALUES
        ('control', 'experiment', decided.experiment_id || '/control'),
        ('treatment', 'experiment', decided.experiment_id || '/treatment'),
        ('value', decided.dimension, decided.treated_value)
    ) AS series (name, dimension, value)
INNER JOIN daily_rollup AS daily
    ON
        series.dimension = daily.dimension
        AND series.value = daily.value
        AND daily.metric = any(:metrics)
        AND daily.day BETWEEN :first_day AND :last_day
GROUP BY
    decided.experiment_id,
    decided.dimension,
    decided.control_value,
    decided.treated_value,
    decided.decision,
    decided.started_on,
    decided.decided_on,
    daily.metric,
    series.name
ORDER BY decided.decided_on, decided.experiment_id

-- Grain: one row per dimension, value and metric of the day's outcomes. Keys: day, dimension, value,
-- metric, those of the tables of dimensions and metrics. Sums of logarithms are taken in a fixed order, so
-- that the same outcomes give the same bits in whatever order they arrived.
INSERT INTO daily_rollup (
    day, as_of, dimension, value, metric, reply_count, n, positives, successes,
    sum_y, sum_y2, sum_log1p, sum_log1p2, sum_log, sum_log2, bins, bin_counts
)
WITH facts AS MATERIALIZED (
    SELECT
        to_jsonb(reply) || reply.slots || jsonb_build_object(
            'all', 'all',
            'account_generator', reply.account || ' × ' || reply.generator,
            'experiment', reply.experiment_id || '/' || reply.experiment_variant
        ) AS of_reply
    FROM reply_outcomes AS reply
    WHERE reply.day = :day
),

-- each reply is taken apart once, not once for each of its cells
parts AS MATERIALIZED (
    SELECT
        of_reply,
        array(SELECT (of_reply ->> name)::BIGINT FROM unnest(cast(:metrics AS TEXT[])) AS name) AS counts
    FROM facts
),

-- Names are compared here alone: what follows groups and sorts by numbers. `counts` has a row for each reply,
-- and in it the metrics in their order.
named AS MATERIALIZED (
    SELECT
        row_number() OVER () AS number,
        dimension,
        value,
        counts
    FROM (
        SELECT
            dimension.name AS dimension,
            parts.of_reply ->> dimension.name AS value,
            array_agg(parts.counts) AS counts
        FROM parts
        CROSS JOIN unnest(cast(:dimensions AS TEXT[])) AS dimension (name)
        GROUP BY dimension.name, parts.of_reply ->> dimension.name
    ) AS grouped
    WHERE value IS NOT NULL
),

-- Equal counts have equal logarithms: one term per distinct count, weighted by how often it occurred.
counts AS (
    SELECT
        named.number,
        mod(cell.place - 1, cardinality(cast(:metrics AS TEXT[]))) AS metric,
        cell.y,
        histogram_bin(cell.y) AS bin,
        count(*) AS times,
        greatest(cell.y, 0)::DOUBLE PRECISION AS size
    FROM named
    CROSS JOIN unnest(named.counts) WITH ORDINALITY AS cell (y, place)
    GROUP BY named.number, metric, cell.y
),

terms AS (
    SELECT
        *,
        ln(1 + size) AS log1p,
        CASE WHEN y > 0 THEN ln(size) END AS log,
        sum(times) OVER of_bin AS bin_times,
        row_number() OVER (of_bin ORDER BY y) = 1 AS is_first
    FROM counts
    WINDOW of_bin AS (PARTITION BY number, metric, bin)
),

sums AS (
    SELECT
        number,
        metric,
        sum(times) AS reply_count,
        coalesce(sum(times) FILTER (WHERE y IS NOT NULL), 0) AS n,
        coalesce(sum(times) FILTER (WHERE y > 0), 0) AS positives,
        coalesce(sum(times) FILTER (WHERE y >= :success_followers), 0) AS successes,
        coalesce(sum(times * y), 0) AS sum_y,
        coalesce(sum(times * y::NUMERIC * y), 0) AS sum_y2,
        coalesce(sum(times * log1p ORDER BY bin, y), 0) AS sum_log1p,
        coalesce(sum(times * log1p ^ 2 ORDER BY bin, y), 0) AS sum_log1p2,
        coalesce(sum(times * log ORDER BY bin, y), 0) AS sum_log,
        coalesce(sum(times * log ^ 2 ORDER BY bin, y), 0) AS sum_log2,
        array_agg(bin ORDER BY bin, y) FILTER (WHERE is_first AND y IS NOT NULL) AS bins,
        array_agg(bin_times ORDER BY bin, y) FILTER (WHERE is_first AND y IS NOT NULL) AS bin_counts
    FROM terms
    GROUP BY number, metric
)

SELECT
    :day,
    :as_of,
    named.dimension,
    named.value,
    (cast(:metrics AS TEXT[]))[sums.metric + 1],
    sums.reply_count, sums.n, sums.positives, sums.successes,
    sums.sum_y, sums.sum_y2, sums.sum_log1p, sums.sum_log1p2, sums.sum_log, sums.sum_log2,
    coalesce(sums.bins, '{}'), coalesce(sums.bin_counts::INTEGER[], '{}')
FROM sums
INNER JOIN named ON sums.number = named.number

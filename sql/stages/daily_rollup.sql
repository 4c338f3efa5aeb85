-- Grain: one row per dimension, value and metric of the day's outcomes. Keys: day, dimension, value,
-- metric, those of the tables of dimensions and metrics. Sums of logarithms are taken in a fixed order, so
-- that the same outcomes give the same bits in whatever order they arrived.
INSERT INTO daily_rollup (
    day, as_of, dimension, value, metric, reply_count, n, positives, successes,
    sum_y, sum_y2, sum_log1p, sum_log1p2, sum_log, sum_log2, bins, bin_counts
)
WITH facts AS (
    SELECT
        to_jsonb(reply) || reply.slots || jsonb_build_object(
            'all', 'all',
            'account_generator', reply.account || ' × ' || reply.generator,
            'experiment', reply.experiment_id || '/' || reply.experiment_variant
        ) AS of_reply
    FROM reply_outcomes AS reply
    WHERE reply.day = :day
),

cells AS (
    SELECT
        dimension.name AS dimension,
        facts.of_reply ->> dimension.name AS value,
        metric.name AS metric,
        (facts.of_reply ->> metric.name)::BIGINT AS y
    FROM facts
    CROSS JOIN unnest(cast(:dimensions AS TEXT[])) AS dimension (name)
    CROSS JOIN unnest(cast(:metrics AS TEXT[])) AS metric (name)
    WHERE facts.of_reply ->> dimension.name IS NOT NULL
),

-- Equal counts have equal logarithms: one term per distinct count, weighted by how often it occurred.
counts AS (
    SELECT
        dimension,
        value,
        metric,
        y,
        histogram_bin(y) AS bin,
        count(*) AS times,
        greatest(y, 0)::DOUBLE PRECISION AS size
    FROM cells
    GROUP BY dimension, value, metric, y
),

histogram AS (
    SELECT
        dimension, value, metric,
        array_agg(bin ORDER BY bin) AS bins,
        array_agg(times ORDER BY bin)::INTEGER[] AS bin_counts
    FROM (
        SELECT dimension, value, metric, bin, sum(times) AS times
        FROM counts
        WHERE y IS NOT NULL
        GROUP BY dimension, value, metric, bin
    ) AS binned
    GROUP BY dimension, value, metric
)

SELECT
    :day,
    :as_of,
    dimension,
    value,
    metric,
    sum(counts.times),
    coalesce(sum(counts.times) FILTER (WHERE counts.y IS NOT NULL), 0),
    coalesce(sum(counts.times) FILTER (WHERE counts.y > 0), 0),
    coalesce(sum(counts.times) FILTER (WHERE counts.y >= :success_followers), 0),
    coalesce(sum(counts.times * counts.y), 0),
    coalesce(sum(counts.times * counts.y::NUMERIC * counts.y), 0),
    coalesce(sum(counts.times * ln(1 + counts.size) ORDER BY counts.y), 0),
    coalesce(sum(counts.times * ln(1 + counts.size) ^ 2 ORDER BY counts.y), 0),
    coalesce(sum(counts.times * ln(counts.size) ORDER BY counts.y) FILTER (WHERE counts.y > 0), 0),
    coalesce(sum(counts.times * ln(counts.size) ^ 2 ORDER BY counts.y) FILTER (WHERE counts.y > 0), 0),
    coalesce(histogram.bins, '{}'),
    coalesce(histogram.bin_counts, '{}')
FROM counts
LEFT JOIN histogram USING (dimension, value, metric)
GROUP BY dimension, value, metric, histogram.bins, histogram.bin_counts

-- Grain: one row per window asked for and engagement tier, or account that brought enough on average,
-- of the same day's analytics, best first, a tier with its share of the same day's allocation. Where there is
-- neither, one empty row still says whether the window held replies and whether a pivot was open just before
-- its as-of: worked out once a window, not for each of its rows.
WITH known AS MATERIALIZED (
    SELECT
        asked.day,
        (SELECT count(*) > 0 FROM reply_performance_analytics AS any_rated WHERE any_rated.day = asked.day)
            AS holds_replies,
        (
            SELECT count(*) > 0
            FROM pivots AS pivot
            WHERE
                pivot.opened_at < asked.as_of
                AND least(pivot.closed_at, pivot.opened_at + :pivot_days * INTERVAL '24 hours') >= asked.as_of
        ) AS pivot_open
    FROM unnest(cast(:days AS DATE[]), cast(:as_ofs AS TIMESTAMPTZ[])) AS asked (day, as_of)
)

SELECT
    known.day,
    known.holds_replies,
    known.pivot_open,
    rated.dimension_type,
    rated.dimension_value,
    rated.avg_followers_gained::DOUBLE PRECISION AS avg_followers,
    rated.shrunk_mean * coalesce(rated.conversion, 1) AS believed_followers,
    CASE WHEN rated.believed_metric = 'followers' THEN rated.interval_high END AS likely_most,
    rated.confidence_score::DOUBLE PRECISION AS confidence,
    rated.sample_size AS n,
    allocated.probability AS share
FROM known
LEFT JOIN reply_performance_analytics AS rated
    ON
        known.day = rated.day
        AND rated.dimension_value <> 'unknown'
        AND rated.sample_size > 0
        AND (
            rated.dimension_type = 'engagement_tier'
            OR (
                rated.dimension_type = 'account'
                AND rated.avg_followers_gained >= :proven_avg_followers
            )
        )
LEFT JOIN strategy_allocation_history AS allocated
    ON
        known.day = allocated.day
        AND rated.dimension_type = allocated.dimension
        AND rated.dimension_value = allocated.value
ORDER BY known.day, rated.dimension_type, (rated.metadata ->> 'rank')::INTEGER, rated.dimension_value

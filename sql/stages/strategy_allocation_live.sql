-- Moves the live allocation forward, never back. An arm that the newest window no longer holds keeps
-- its row and gets no share. Ids are derived from the keys.
WITH newest AS (
    SELECT * FROM strategy_allocation_history WHERE day = :day
),

moved AS (
    INSERT INTO strategy_allocation AS live (
        id, strategy_name, strategy_type, current_allocation_pct, target_allocation_pct,
        avg_followers_gained, confidence_score, sample_size, status, is_exploration, strategy_params,
        last_used, created_at, updated_at, as_of, probability
    )
    SELECT
        md5('strategy_allocation/' || newest.strategy_type || '/' || newest.strategy_name)::UUID,
        newest.strategy_name,
        newest.strategy_type,
        newest.allocation_pct,
        newest.allocation_pct,
        newest.avg_followers_gained,
        newest.confidence_score,
        newest.sample_size,
        'active',
        newest.is_exploration,
        jsonb_build_object('successes', newest.successes, 'failures', newest.failures),
        newest.as_of,
        newest.as_of,
        newest.as_of,
        newest.as_of,
        newest.probability
    FROM newest
    ON CONFLICT (id) DO UPDATE SET
        current_allocation_pct = excluded.current_allocation_pct,
        target_allocation_pct = excluded.target_allocation_pct,
        avg_followers_gained = excluded.avg_followers_gained,
        confidence_score = excluded.confidence_score,
        sample_size = excluded.sample_size,
        status = excluded.status,
        is_exploration = excluded.is_exploration,
        strategy_params = excluded.strategy_params,
        last_used = excluded.last_used,
        updated_at = excluded.updated_at,
        as_of = excluded.as_of,
        probability = excluded.probability
    WHERE live.as_of <= excluded.as_of
)

UPDATE strategy_allocation AS live
SET
    current_allocation_pct = 0,
    target_allocation_pct = 0,
    probability = 0,
    status = 'paused',
    as_of = :as_of,
    updated_at = :as_of
WHERE
    live.as_of < :as_of
    -- a family without any evidence keeps what it had
    AND live.strategy_type IN (SELECT newest.strategy_type FROM newest)
    AND NOT EXISTS (
        SELECT FROM newest
        WHERE newest.strategy_type = live.strategy_type AND newest.strategy_name = live.strategy_name
    )

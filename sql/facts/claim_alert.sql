-- Grain: one row, the alert that is due and now ours, or none. It is due within 24 hours of being raised,
-- and after a failure a minute later, then twice as long each time, 6 hours at most.
WITH due AS (
    SELECT
        event.event_data ->> 'alert' AS alert,
        coalesce(event.severity, 'info') AS severity,
        coalesce(event.event_data ->> 'component', '') AS component,
        coalesce(event.event_data ->> 'message', '') AS message,
        coalesce(delivery.attempts, 0) + 1 AS attempt
    FROM events AS event
    LEFT JOIN alert_deliveries AS delivery ON event.event_data ->> 'alert' = delivery.alert
    WHERE
        event.event_type = 'replyloop_alert'
        AND event.event_data ->> 'alert' IS NOT NULL
        AND CASE
            WHEN delivery.alert IS NULL
                THEN event.created_at >= cast(:now AS TIMESTAMPTZ) - INTERVAL '24 hours'
            ELSE
                delivery.delivered_at IS NULL
                AND delivery.attempts < :most_attempts
                AND delivery.attempted_at
                + least(2 ^ (delivery.attempts - 1) * INTERVAL '1 minute', INTERVAL '6 hours') <= :now
        END
    ORDER BY coalesce(delivery.attempts, 0), event.created_at
    LIMIT 1
),

claimed AS (
    INSERT INTO alert_deliveries (alert, attempts, attempted_at)
    SELECT
        due.alert,
        due.attempt,
        :now
    FROM due
    ON CONFLICT (alert) DO UPDATE
        SET
            attempts = excluded.attempts,
            attempted_at = excluded.attempted_at
        -- unless another has claimed it meanwhile
        WHERE alert_deliveries.delivered_at IS NULL AND alert_deliveries.attempts = excluded.attempts - 1
    RETURNING alert_deliveries.alert
)

SELECT
    due.alert,
    due.severity,
    due.component,
    due.message,
    due.attempt
FROM due
INNER JOIN claimed ON due.alert = claimed.alert

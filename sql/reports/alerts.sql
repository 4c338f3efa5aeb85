-- The newest alerts, and how far each has come on its way to the webhook.
SELECT
    event.created_at,
    event.severity,
    event.event_data ->> 'alert' AS alert,
    event.event_data ->> 'component' AS component,
    event.event_data ->> 'message' AS message,
    coalesce(delivery.attempts, 0) AS attempts,
    delivery.attempted_at,
    delivery.delivered_at,
    delivery.last_error
FROM events AS event
LEFT JOIN alert_deliveries AS delivery ON event.event_data ->> 'alert' = delivery.alert
WHERE event.event_type = 'replyloop_alert'
ORDER BY event.created_at DESC, event.event_data ->> 'alert' ASC
LIMIT :most

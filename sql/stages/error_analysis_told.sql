-- Grain: one row per alert on errors that was told in the last days up to the as-of, with its key.
SELECT event_data ->> 'alert' AS alert
FROM events
WHERE
    event_type = 'replyloop_alert'
    AND created_at >= cast(:as_of AS TIMESTAMPTZ) - :quiet_days * INTERVAL '24 hours'
    AND created_at <= :as_of
    AND left(event_data ->> 'alert', 6) = 'error/'

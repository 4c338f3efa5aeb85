-- Grain: one row per component, category of the bot's own, message and age of the error events of the
-- lookback before the as-of. Age counts periods of 24 hours that end at the as-of, 0 the last; each holds
-- its first instant and not its end. What a bot tells may have any form: nothing here can fail on it.
WITH told AS (
    SELECT
        event_type,
        event_data,
        created_at,
        jsonb_typeof(event_data) AS form,
        ceil(extract(EPOCH FROM cast(:as_of AS TIMESTAMPTZ) - created_at) / 86400) - 1 AS age
    FROM system_events
    WHERE
        created_at >= cast(:as_of AS TIMESTAMPTZ) - :lookback_days * INTERVAL '24 hours'
        AND created_at < :as_of
        AND lower(severity) IN ('error', 'critical')
        AND event_type IS DISTINCT FROM 'replyloop_alert'
),

read AS (
    SELECT
        created_at,
        age,
        left(
            coalesce(
                nullif(btrim(event_data ->> 'component'), ''),
                nullif(btrim(event_data ->> 'module'), ''),
                nullif(btrim(event_data ->> 'source'), ''),
                event_type
            ),
            200
        ) AS component,
        left(event_data ->> 'category', 200) AS category,
        coalesce(
            nullif(btrim(event_data ->> 'message', E' \t\r\n'), ''),
            nullif(btrim(event_data #>> '{error,message}', E' \t\r\n'), ''),
            nullif(btrim(event_data ->> 'error', E' \t\r\n'), ''),
            nullif(btrim(event_data ->> 'exception', E' \t\r\n'), ''),
            nullif(btrim(event_data ->> 'reason', E' \t\r\n'), ''),
            nullif(btrim(event_data ->> 'msg', E' \t\r\n'), ''),
            CASE WHEN form = 'string' THEN nullif(btrim(event_data #>> '{}', E' \t\r\n'), '') END,
            event_type,
            ''
        ) AS message
    FROM told
),

-- a traceback tells at its end
cut AS (
    SELECT
        component,
        category,
        age,
        created_at,
        CASE
            WHEN length(message) > 4000 THEN left(message, 2000) || E'\n' || right(message, 2000)
            ELSE message
        END AS message
    FROM read
)

SELECT
    component,
    category,
    message,
    cast(age AS INTEGER) AS age,
    count(*) AS occurrences,
    min(created_at) AS first_at,
    max(created_at) AS last_at
FROM cut
GROUP BY component, category, message, age

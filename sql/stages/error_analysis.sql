-- Grain: one row per as-of, component, category of the bot's own and message of the error events of the
-- lookback before the as-of, with how often it came at which age; first_at knows of nothing before the
-- lookback. Of the messages beyond the most frequent ones there is one row per component. Age counts periods
-- of 24 hours that end at the as-of, 0 the last; each holds its first instant and not its end. The as-ofs lie
-- whole days apart, so that an event is read once for all of them. What a bot tells may have any form:
-- nothing here can fail on it.
WITH looked AS (
    SELECT
        as_of,
        cast(extract(EPOCH FROM cast(:last_as_of AS TIMESTAMPTZ) - as_of) / 86400 AS INTEGER) AS earlier
    FROM unnest(cast(:as_ofs AS TIMESTAMPTZ[])) AS window_end (as_of)
),

told AS (
    SELECT
        event_type,
        event_data,
        created_at,
        jsonb_typeof(event_data) AS form,
        ceil(extract(EPOCH FROM cast(:last_as_of AS TIMESTAMPTZ) - created_at) / 86400) - 1 AS age
    FROM events
    WHERE
        created_at >= cast(:first_as_of AS TIMESTAMPTZ) - :lookback_days * INTERVAL '24 hours'
        AND created_at < :last_as_of
        AND severity_level(severity) IN ('error', 'critical')
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
            nullif(btrim(event_data #>> '{err,message}', E' \t\r\n'), ''),
            nullif(btrim(event_data ->> 'err', E' \t\r\n'), ''),
            nullif(btrim(event_data #>> '{errors,0,message}', E' \t\r\n'), ''),
            nullif(btrim(event_data #>> '{errors,0}', E' \t\r\n'), ''),
            nullif(btrim(event_data ->> 'error_message', E' \t\r\n'), ''),
            nullif(btrim(event_data ->> 'errorMessage', E' \t\r\n'), ''),
            nullif(btrim(event_data ->> 'exception', E' \t\r\n'), ''),
            nullif(btrim(event_data ->> 'reason', E' \t\r\n'), ''),
            nullif(btrim(event_data ->> 'msg', E' \t\r\n'), ''),
            nullif(btrim(event_data ->> 'stack', E' \t\r\n'), ''),
            nullif(btrim(event_data ->> 'description', E' \t\r\n'), ''),
            CASE WHEN form = 'string' THEN nullif(btrim(event_data #>> '{}', E' \t\r\n'), '') END,
            event_type,
            ''
        ) AS message,
        -- what the message may be about
        coalesce(
            nullif(btrim(event_data #>> '{error,message}', E' \t\r\n'), ''),
            CASE
                WHEN jsonb_typeof(event_data -> 'error') = 'string'
                    THEN nullif(btrim(event_data ->> 'error', E' \t\r\n'), '')
            END
        ) AS cause
    FROM told
),

cut AS (
    SELECT
        component,
        category,
        age,
        created_at,
        both_ends(
            CASE WHEN strpos(message, cause) = 0 THEN message || ': ' || cause ELSE message END
        ) AS message
    FROM read
),

daily AS (
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
),

messages AS (
    SELECT
        looked.as_of,
        daily.component,
        daily.category,
        daily.message,
        array_agg(daily.age - looked.earlier ORDER BY daily.age) AS ages,
        array_agg(daily.occurrences ORDER BY daily.age) AS counts,
        sum(daily.occurrences) AS occurrences,
        min(daily.first_at) AS first_at,
        max(daily.last_at) AS last_at
    FROM looked
    INNER JOIN daily ON daily.age - looked.earlier BETWEEN 0 AND cast(:lookback_days AS INTEGER) - 1
    GROUP BY looked.as_of, daily.component, daily.category, daily.message
),

ranked AS (
    SELECT
        *,
        row_number() OVER ranking AS place,
        sum(length(message)) OVER (ranking ROWS UNBOUNDED PRECEDING) AS characters
    FROM messages
    WINDOW
        ranking AS (
            PARTITION BY as_of
            ORDER BY
                occurrences DESC,
                last_at DESC,
                message COLLATE "C",
                component COLLATE "C",
                category COLLATE "C"
        )
),

kept AS (
    SELECT * FROM ranked
    WHERE place <= :most_messages AND characters <= :most_characters
),

-- a component that no message kept names is left out, however many a bot makes up
beyond AS (
    SELECT
        as_of,
        CASE
            WHEN (as_of, component) IN (SELECT kept.as_of, kept.component FROM kept) THEN component
        END AS component,
        ages,
        counts,
        first_at,
        last_at
    FROM ranked
    WHERE place > :most_messages OR characters > :most_characters
),

beyond_daily AS (
    SELECT
        beyond.as_of,
        beyond.component,
        days.age,
        cast(sum(days.occurrences) AS BIGINT) AS occurrences,
        min(beyond.first_at) AS first_at,
        max(beyond.last_at) AS last_at
    FROM beyond
    CROSS JOIN LATERAL unnest(beyond.ages, beyond.counts) AS days (age, occurrences)
    GROUP BY beyond.as_of, beyond.component, days.age
)

SELECT as_of, component, category, message, ages, counts, first_at, last_at
FROM kept
UNION ALL
SELECT
    as_of,
    component,
    NULL AS category,
    :many AS message,
    array_agg(age ORDER BY age) AS ages,
    array_agg(occurrences ORDER BY age) AS counts,
    min(first_at) AS first_at,
    max(last_at) AS last_at
FROM beyond_daily
GROUP BY as_of, component
ORDER BY as_of

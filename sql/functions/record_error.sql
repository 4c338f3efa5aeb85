-- An error of the bot's, for the operator and the error analysis. With an id of its own it is kept once.
CREATE OR REPLACE FUNCTION record_error(
    component TEXT, message TEXT, severity TEXT DEFAULT 'error', detail JSONB DEFAULT NULL,
    error_id TEXT DEFAULT NULL
) RETURNS JSONB
LANGUAGE plpgsql SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE
    event JSONB := jsonb_build_object(
        'component', left(record_error.component, 200), 'message', both_ends(record_error.message),
        'detail', CASE
            WHEN octet_length(record_error.detail::TEXT) > 20000
                THEN jsonb_build_object('cut', both_ends(record_error.detail::TEXT))
            ELSE record_error.detail
        END,
        'error_id', ledger_key(record_error.error_id)
    );
BEGIN
    PERFORM one_at_a_time('tell');
    IF coalesce(record_error.message, '') = '' THEN
        RETURN keep_in_quarantine('record_error', 'message is missing', event);
    END IF;
    INSERT INTO events (event_type, event_data, severity, created_at)
    SELECT
        'bot_error',
        event,
        coalesce(severity_level(record_error.severity), 'error'),
        now()
    WHERE record_error.error_id IS NULL OR NOT EXISTS (
        SELECT FROM events AS known
        WHERE
            known.event_type = 'bot_error'
            AND known.event_data ->> 'error_id' = ledger_key(record_error.error_id)
    );
    RETURN jsonb_build_object('status', CASE WHEN FOUND THEN 'recorded' ELSE 'unchanged' END);
EXCEPTION
    WHEN OTHERS THEN
        RETURN keep_refused('record_error', SQLSTATE, SQLERRM, event);
END
$$;

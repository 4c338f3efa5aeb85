-- A text as JSON: what is no JSON object is the message of one. Indexes on a bot's table rest on it.
CREATE OR REPLACE FUNCTION json_of_text(told TEXT) RETURNS JSONB
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    read JSONB;
BEGIN
    read := told::JSONB;
    RETURN CASE jsonb_typeof(read) WHEN 'object' THEN read ELSE jsonb_build_object('message', told) END;
EXCEPTION
    WHEN data_exception THEN
        RETURN jsonb_build_object('message', told);
END
$$;

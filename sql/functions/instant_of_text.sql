-- The instant of a text in ISO 8601, NULL for any other. One that names no zone is in the given one.
CREATE OR REPLACE FUNCTION instant_of_text(said TEXT, zone TEXT) RETURNS TIMESTAMPTZ
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF said !~ '^ *[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]+)? *(Z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)? *$' THEN
        RETURN NULL;
    ELSIF said ~ '(Z|UTC|[T ][0-9:.]+ *[+-][0-9]{2}(:?[0-9]{2})?) *$' THEN
        RETURN said::TIMESTAMPTZ;
    END IF;
    RETURN said::TIMESTAMP AT TIME ZONE zone;
EXCEPTION
    WHEN data_exception THEN
        RETURN NULL;
END
$$;

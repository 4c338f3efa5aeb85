-- The instant of a count of seconds or milliseconds since 1970, NULL for what can be neither.
CREATE OR REPLACE FUNCTION instant_of_number(since_1970 NUMERIC) RETURNS TIMESTAMPTZ
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN since_1970 BETWEEN 1e9 AND 1e10 THEN to_timestamp(since_1970::DOUBLE PRECISION)
        WHEN since_1970 BETWEEN 1e12 AND 1e13 THEN to_timestamp((since_1970 / 1000)::DOUBLE PRECISION)
    END
$$;

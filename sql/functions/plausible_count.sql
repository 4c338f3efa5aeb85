-- A count as X could give it; one that no post ever had is no measurement.
CREATE OR REPLACE FUNCTION plausible_count(y NUMERIC) RETURNS BIGINT
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN y BETWEEN 0 AND 2147483647 THEN y::BIGINT END
$$;

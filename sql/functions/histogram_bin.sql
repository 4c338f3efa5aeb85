-- The bin of a count in a rollup's histogram: exact below 16, then four bins to each doubling.
CREATE OR REPLACE FUNCTION histogram_bin(y BIGINT) RETURNS SMALLINT
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT (CASE WHEN y < 16 THEN greatest(y, 0) ELSE 16 + floor(4 * log(2, y / 16.0)) END)::SMALLINT
$$;

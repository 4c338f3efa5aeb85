-- 52 bits of the digest of (dimension, unit) as a number in [0, 1): uniform, and the same in any language.
CREATE OR REPLACE FUNCTION unit_hash(dimension TEXT, unit TEXT) RETURNS DOUBLE PRECISION
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ('x' || left(encode(sha256(convert_to(dimension || chr(31) || unit, 'UTF8')), 'hex'), 13))::BIT(52)::BIGINT
        / 4503599627370496.0::DOUBLE PRECISION
$$;

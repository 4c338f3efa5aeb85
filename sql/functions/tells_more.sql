-- Whether any count told is more than the one stored; one that was not stored is less than any.
CREATE OR REPLACE FUNCTION tells_more(told BIGINT[], stored BIGINT[]) RETURNS BOOLEAN
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT EXISTS (
        SELECT FROM unnest(told, stored) AS pair (told, stored)
        WHERE pair.told > coalesce(pair.stored, -1)
    )
$$;

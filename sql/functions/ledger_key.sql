-- A key short enough for an index: a long one by its digest.
CREATE OR REPLACE FUNCTION ledger_key(name TEXT) RETURNS TEXT
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN octet_length(name) <= 200 AND left(name, 7) <> 'sha256:' THEN name
        ELSE 'sha256:' || encode(sha256(convert_to(name, 'UTF8')), 'hex')
    END
$$;

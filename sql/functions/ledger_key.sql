-- A key short enough for an index: a long one by its digest. STABLE, as what it is made of is: so it is
-- written out where it is used, and not called for each row.
CREATE OR REPLACE FUNCTION ledger_key(name TEXT) RETURNS TEXT
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN octet_length(name) <= 200 AND left(name, 7) <> 'sha256:' THEN name
        ELSE 'sha256:' || encode(sha256(convert_to(name, 'UTF8')), 'hex')
    END
$$;

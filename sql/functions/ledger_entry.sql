-- What the ledger says of a unit; all NULL where it says nothing.
CREATE OR REPLACE FUNCTION ledger_entry(dimension TEXT, unit TEXT) RETURNS decision_ledger -- noqa: CP05
LANGUAGE plpgsql STABLE AS $$
DECLARE
    entry decision_ledger;
BEGIN
    IF coalesce(dimension, '') = '' OR coalesce(unit, '') = '' THEN
        RAISE EXCEPTION 'A dimension and a unit are needed: name what is decided, and for whom.'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT * INTO entry FROM decision_ledger AS ledger
    WHERE ledger.dimension = ledger_key(ledger_entry.dimension) AND ledger.unit = ledger_key(ledger_entry.unit);
    RETURN entry;
END
$$;

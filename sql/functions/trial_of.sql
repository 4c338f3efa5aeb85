-- The experiment that an entry of the ledger came from.
CREATE OR REPLACE FUNCTION trial_of(entry decision_ledger) RETURNS UUID -- noqa: CP05
LANGUAGE sql IMMUTABLE AS $$
    SELECT substring(entry.policy_version FROM '^experiment/(.*)$')::UUID
$$;

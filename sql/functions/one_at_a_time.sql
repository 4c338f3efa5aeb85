-- Waits until no other transaction is at the same; what others did is then seen.
CREATE OR REPLACE FUNCTION one_at_a_time(doing TEXT) RETURNS VOID
LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'In a % transaction what others did meanwhile is not seen: call this in READ COMMITTED.',
            upper(current_setting('transaction_isolation'))
            USING ERRCODE = 'active_sql_transaction';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('replyloop/' || doing, 0));
END
$$;

-- Who may do what. replyloop_bot calls the bot's functions, which are those that run with their owner's
-- rights, and does nothing else; replyloop_reader reads the loop's tables. Both see one schema. Nobody
-- else calls anything: not PUBLIC, not Supabase's anonymous roles. Run whenever a function or a table
-- changes.
DO $$
DECLARE
    bot CONSTANT TEXT := current_setting('replyloop.bot_schema');
    wanted TEXT;
    held RECORD;
    strangers TEXT := 'PUBLIC';
BEGIN
    FOREACH wanted IN ARRAY ARRAY['replyloop_bot', 'replyloop_reader'] LOOP
        BEGIN
            IF to_regrole(wanted) IS NULL THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            END IF;
            EXECUTE format('GRANT USAGE ON SCHEMA replyloop TO %I', wanted);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL; -- another database of this server was faster
            WHEN insufficient_privilege THEN
                RAISE WARNING 'This user may not create role % or let it into schema replyloop: %. Let an administrator do it.',
                    wanted, SQLERRM;
        END;
    END LOOP;
    FOR wanted IN SELECT r.rolname FROM pg_roles AS r WHERE r.rolname IN ('anon', 'authenticated') LOOP
        strangers := strangers || format(', %I', wanted);
    END LOOP;

    FOR held IN
        SELECT p.oid::REGPROCEDURE AS signature, p.prosecdef AS is_the_bots
        FROM pg_proc AS p
        WHERE p.pronamespace = 'replyloop'::REGNAMESPACE
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', held.signature, strangers);
        -- an index on a bot's table asks it of whoever writes there; strangers do not see the schema
        IF held.signature::TEXT ~ '\m(instant_of_number|instant_of_text|json_of_text)\(' THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO PUBLIC', held.signature);
        END IF;
        IF held.is_the_bots THEN
            -- whoever calls and whatever zone they live in, names and days mean the same
            EXECUTE format('ALTER FUNCTION %s SET search_path = replyloop, %I, pg_temp', held.signature, bot);
            EXECUTE format('ALTER FUNCTION %s SET timezone = %L', held.signature, 'UTC');
            IF to_regrole('replyloop_bot') IS NOT NULL THEN
                EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO replyloop_bot', held.signature);
            END IF;
        END IF;
    END LOOP;

    FOR held IN
        SELECT c.oid::REGCLASS AS name, c.relkind = 'v' AS is_view
        FROM pg_class AS c
        WHERE c.relnamespace = 'replyloop'::REGNAMESPACE AND c.relkind IN ('r', 'v') AND pg_has_role(c.relowner, 'USAGE')
    LOOP
        EXECUTE format('REVOKE ALL ON TABLE %s FROM %s', held.name, strangers);
        CONTINUE WHEN held.is_view;
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', held.name);
        IF to_regrole('replyloop_reader') IS NOT NULL THEN
            EXECUTE format('GRANT SELECT ON TABLE %s TO replyloop_reader', held.name);
            EXECUTE format('DROP POLICY IF EXISTS replyloop_reads ON %s', held.name);
            EXECUTE format('CREATE POLICY replyloop_reads ON %s FOR SELECT TO replyloop_reader USING (TRUE)', held.name);
        END IF;
    END LOOP;
END
$$;

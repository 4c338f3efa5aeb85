-- The seed's three tables under their names in the bot's schema, where these are free: so the plan's own
-- queries run as written. Plain views, which can be written through, with the rights of whoever asks
-- (where the server knows that), and granted to nobody but their owner.
DO $$
DECLARE
    bot CONSTANT TEXT := current_setting('replyloop.bot_schema');
    asks_as CONSTANT TEXT := CASE
        WHEN current_setting('server_version_num')::INTEGER >= 150000 THEN 'WITH (security_invoker = true)' ELSE ''
    END;
    mark CONSTANT TEXT := 'replyloop: the table of this name in schema replyloop';
    seeded TEXT;
    there REGCLASS;
    held TEXT;
BEGIN
    FOREACH seeded IN ARRAY ARRAY['reply_performance_analytics', 'strategy_allocation', 'experiments'] LOOP
        there := to_regclass(format('%I.%I', bot, seeded));
        IF there IS NOT NULL AND obj_description(there, 'pg_class') IS DISTINCT FROM mark THEN
            CONTINUE;
        END IF;
        BEGIN
            IF there IS NOT NULL THEN
                EXECUTE format('DROP VIEW %s', there);
            END IF;
            EXECUTE format('CREATE VIEW %I.%I %s AS SELECT * FROM replyloop.%2$I', bot, seeded, asks_as);
            EXECUTE format('COMMENT ON VIEW %I.%I IS %L', bot, seeded, mark);
            FOR held IN
                SELECT DISTINCT CASE WHEN granted.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END
                FROM pg_class AS c
                CROSS JOIN LATERAL aclexplode(c.relacl) AS granted
                LEFT JOIN pg_roles AS r ON granted.grantee = r.oid
                WHERE c.oid = to_regclass(format('%I.%I', bot, seeded)) AND granted.grantee <> c.relowner
            LOOP
                EXECUTE format('REVOKE ALL ON TABLE %I.%I FROM %s', bot, seeded, held);
            END LOOP;
        EXCEPTION
            WHEN insufficient_privilege OR dependent_objects_still_exist THEN
                RAISE WARNING 'The view %.% of the plan''s name is left as it is: %', bot, seeded, SQLERRM;
        END;
    END LOOP;
END
$$;

-- A schema of the loop's own. Up to here everything lay among the bot's tables; a full and empty set was
-- just made in schema replyloop (0001 to 0009 run there), and what a former layout holds moves into it,
-- with its rows. A table that is just as it should be is moved as it is; an early form of one gives its
-- rows; one of the bot's own that the loop had found under a name of the plan's gives the loop's rows and
-- is left alone. The bot's tables are no longer made here (sql/edges/bot_tables.sql).
DROP TABLE reply_opportunities, discovered_accounts, content_metadata, tweet_metrics;
DROP TABLE account_follower_snapshots, system_events;

-- What a table is made of, without its schema.
CREATE FUNCTION described(of_table REGCLASS) RETURNS TEXT
LANGUAGE sql STABLE AS $$
    SELECT concat_ws(
        E'\n',
        (
            SELECT string_agg(
                concat_ws(
                    ' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                    pg_get_expr(d.adbin, d.adrelid)
                ), E'\n' ORDER BY a.attname
            )
            FROM pg_attribute AS a
            LEFT JOIN pg_attrdef AS d ON a.attrelid = d.adrelid AND a.attnum = d.adnum
            WHERE a.attrelid = of_table AND a.attnum > 0 AND NOT a.attisdropped
        ),
        (
            SELECT string_agg(
                replace(pg_get_indexdef(i.indexrelid), format(' ON %I.', n.nspname), ' ON '), E'\n'
                ORDER BY pg_get_indexdef(i.indexrelid)
            )
            FROM pg_index AS i
            INNER JOIN pg_class AS c ON i.indrelid = c.oid
            INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid
            WHERE i.indrelid = of_table
        )
    )
$$;

DO $$
DECLARE
    former CONSTANT TEXT := nullif(current_setting('replyloop.former_schema', TRUE), '');
    moving RECORD;
    theirs REGCLASS;
    shared TEXT;
    cast_to_ours TEXT;
    is_theirs BOOLEAN;
    -- every function that ever was ours
    functions CONSTANT TEXT [] := ARRAY[
        'account_average(text)', 'account_size_tier(bigint)',
        'arm_for(text,text,timestamp with time zone)',
        'assign_arm(text,text,text[],double precision[],text,timestamp with time zone,timestamp with time zone)',
        'assign_trial(text,text,timestamp with time zone)', 'available_shares(text,text[])',
        'both_ends(text)', 'claim_next(integer,text,timestamp with time zone)',
        'contract_breach(text,text,bigint[],timestamp with time zone,text)', 'engagement_tier(bigint)',
        'experiment_of(text,text,timestamp with time zone)', 'explain_opportunity(numeric,text,text,text)',
        'fold_account(text)', 'generator_for(text,text,timestamp with time zone)', 'give_feedback(text)',
        'histogram_bin(bigint)',
        'keep_decision(text,text,text,double precision,jsonb,text,timestamp with time zone,timestamp with time zone)',
        'keep_in_quarantine(text,text,jsonb)', 'ledger_entry(text,text)', 'ledger_key(text)',
        'loop_setting(text)',
        'matured_outcomes(timestamp with time zone,timestamp with time zone,interval,interval)',
        'one_at_a_time(text)', 'open_opportunities(timestamp with time zone)',
        'opportunity_score(bigint,double precision,bigint,bigint)',
        'peek_queue(integer,timestamp with time zone)', 'plausible_count(numeric)', 'random_id()',
        'read_search_plan()', 'record_error(text,text,text,jsonb,text)',
        'record_metrics(text,timestamp with time zone,bigint,bigint,bigint,bigint,bigint,bigint,bigint,bigint)',
        'record_opportunity(text,text,bigint,bigint,bigint,bigint,text,text,timestamp with time zone)',
        'record_reply(text,text,timestamp with time zone,text,text,text,text,text)',
        'refresh_actuals(text)', 'reply_verdict(text)',
        'running_experiments(text,timestamp with time zone)',
        'score_opportunity(bigint,bigint,bigint,text,bigint)', 'severity_level(text)',
        'timing_window(bigint)', 'trial_of(decision_ledger)', 'unit_hash(text,text)',
        'variant_for(uuid,text,timestamp with time zone)'
    ];
BEGIN
    IF former IS NULL THEN
        RETURN;
    END IF;
    FOR moving IN
        SELECT p.oid::REGPROCEDURE AS signature
        FROM pg_proc AS p
        WHERE
            p.pronamespace = former::REGNAMESPACE
            AND format('%s(%s)', p.proname, (
                SELECT string_agg(replace(format_type(t, NULL), quote_ident(former) || '.', ''), ',' ORDER BY place)
                FROM unnest(p.proargtypes) WITH ORDINALITY AS given (t, place)
            )) = ANY(functions)
            AND pg_has_role(p.proowner, 'USAGE')
    LOOP
        EXECUTE format('DROP FUNCTION %s', moving.signature);
    END LOOP;

    FOR moving IN
        SELECT c.relname AS name, c.oid::REGCLASS AS ours, marked.column_name AS mark
        FROM pg_class AS c
        LEFT JOIN (
            -- a row of the loop's has a value there, whoever made the table
            VALUES
            ('reply_performance_analytics', 'day'), ('strategy_allocation', 'as_of'),
            ('experiments', 'strategy_type'), ('outcomes', 'known_at'), ('learning_posts', 'decided_at')
        ) AS marked (table_name, column_name) ON c.relname = marked.table_name
        WHERE c.relnamespace = 'replyloop'::REGNAMESPACE AND c.relkind = 'r' AND c.relname <> 'migrations'
        ORDER BY c.relname
    LOOP
        theirs := to_regclass(format('%I.%I', former, moving.name));
        CONTINUE WHEN theirs IS NULL;
        IF described(theirs) = described(moving.ours) AND pg_has_role((
            SELECT c.relowner FROM pg_class AS c WHERE c.oid = theirs
        ), 'USAGE') THEN
            EXECUTE format('DROP TABLE %s', moving.ours);
            EXECUTE format('ALTER TABLE %s SET SCHEMA replyloop', theirs);
            CONTINUE;
        END IF;
        -- a value of the bot's that cannot be one of ours (an id that is a number) is made anew
        SELECT
            string_agg(quote_ident(old.attname), ', ' ORDER BY new.attnum) FILTER (WHERE castable.yes),
            string_agg(
                format('CAST(%I AS %s)', old.attname, format_type(new.atttypid, new.atttypmod)), ', ' ORDER BY new.attnum
            ) FILTER (WHERE castable.yes),
            bool_or(new.attname IS NULL)
        INTO shared, cast_to_ours, is_theirs
        FROM pg_attribute AS old
        LEFT JOIN pg_attribute AS new
            ON old.attname = new.attname AND new.attrelid = moving.ours AND NOT new.attisdropped
        CROSS JOIN LATERAL (
            SELECT
                new.atttypid IS NOT NULL
                AND (
                    old.atttypid = new.atttypid
                    OR EXISTS (
                        SELECT FROM pg_cast AS c WHERE c.castsource = old.atttypid AND c.casttarget = new.atttypid
                    )
                    OR EXISTS (
                        SELECT FROM pg_type AS t
                        WHERE t.oid IN (old.atttypid, new.atttypid) AND t.typcategory = 'S'
                    )
                ) AS yes
        ) AS castable
        WHERE old.attrelid = theirs AND old.attnum > 0 AND NOT old.attisdropped;
        CONTINUE WHEN shared IS NULL;
        EXECUTE format(
            'INSERT INTO %s (%s) SELECT %s FROM %s%s', moving.ours, shared, cast_to_ours, theirs,
            CASE WHEN is_theirs AND moving.mark IS NOT NULL THEN format(' WHERE %I IS NOT NULL', moving.mark) ELSE '' END
        );
        IF NOT is_theirs THEN
            EXECUTE format('DROP TABLE %s', theirs);
        END IF;
    END LOOP;
    EXECUTE format('DROP TABLE %I.replyloop_migrations', former);
END
$$;

DROP FUNCTION described(REGCLASS);

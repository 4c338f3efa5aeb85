-- Who may do what. replyloop_bot calls the bot's functions and nothing else; replyloop_reader reads.
-- Nobody else calls anything: not PUBLIC, not Supabase's anonymous roles. Run whenever a function changes.
DO $$
DECLARE
    wanted TEXT;
    held RECORD;
    strangers TEXT := 'PUBLIC';
    bots CONSTANT TEXT [] := ARRAY[
        'score_opportunity', 'read_search_plan', 'peek_queue', 'claim_next', 'generator_for', 'arm_for',
        'variant_for', 'record_opportunity', 'record_reply', 'record_metrics', 'record_error'
    ];
    inner_ones CONSTANT TEXT [] := ARRAY[
        'account_average', 'account_size_tier', 'assign_arm', 'assign_trial', 'available_shares', 'both_ends',
        'contract_breach', 'engagement_tier', 'experiment_of', 'explain_opportunity', 'fold_account',
        'give_feedback', 'histogram_bin', 'keep_decision', 'keep_in_quarantine', 'ledger_entry', 'ledger_key',
        'loop_setting', 'matured_outcomes', 'one_at_a_time', 'open_opportunities', 'opportunity_score', 'plausible_count',
        'random_id', 'refresh_actuals', 'reply_verdict', 'running_experiments', 'severity_level', 'timing_window', 'trial_of', 'unit_hash'
    ];
    ours CONSTANT TEXT [] := ARRAY[
        'replyloop_migrations', 'loop_settings', 'stage_days', 'stage_failures', 'quarantine',
        'classified_opportunities', 'outcomes', 'learning_posts', 'reply_outcomes', 'daily_rollup',
        'reply_performance_analytics', 'strategy_allocation', 'strategy_allocation_history', 'experiments',
        'experiment_events', 'experiment_assignments', 'experiment_results', 'health_status', 'pivots',
        'generator_preferences', 'generator_preferences_history', 'search_plan', 'search_plan_history',
        'error_analysis', 'alert_deliveries', 'optimization_weights', 'policy_evaluation', 'decision_ledger',
        'opportunity_claims', 'reply_feedback'
    ];
BEGIN
    FOREACH wanted IN ARRAY ARRAY['replyloop_bot', 'replyloop_reader'] LOOP
        BEGIN
            IF to_regrole(wanted) IS NULL THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            END IF;
            EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', wanted);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL; -- another database of this server was faster
            WHEN insufficient_privilege THEN
                RAISE WARNING 'This user may not create role % or let it into schema public: % Let an administrator do it.',
                    wanted, SQLERRM || '.';
        END;
    END LOOP;
    FOR wanted IN SELECT r.rolname FROM pg_roles AS r WHERE r.rolname IN ('anon', 'authenticated') LOOP
        strangers := strangers || format(', %I', wanted);
    END LOOP;

    FOR held IN
        SELECT p.oid::REGPROCEDURE AS signature, p.proname::TEXT AS name
        FROM pg_proc AS p
        WHERE
            p.pronamespace = 'public'::REGNAMESPACE
            AND p.proname = ANY(bots || inner_ones)
            AND pg_has_role(p.proowner, 'USAGE')
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', held.signature, strangers);
        IF held.name = ANY(bots) AND to_regrole('replyloop_bot') IS NOT NULL THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO replyloop_bot', held.signature);
        END IF;
    END LOOP;

    FOR held IN
        -- one that is older than the first migration is the bot's own, under a name of the plan's: it stays
        -- open to whom it was open
        SELECT c.relname AS name, c.oid >= 'replyloop_migrations'::REGCLASS::OID AS is_ours
        FROM pg_class AS c
        WHERE
            c.relnamespace = 'public'::REGNAMESPACE
            AND c.relkind = 'r'
            AND c.relname = ANY(ours)
            AND pg_has_role(c.relowner, 'USAGE')
    LOOP
        IF held.is_ours THEN
            EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', held.name);
            EXECUTE format('REVOKE ALL ON TABLE %I FROM %s', held.name, strangers);
        END IF;
        IF to_regrole('replyloop_reader') IS NOT NULL THEN
            EXECUTE format('GRANT SELECT ON TABLE %I TO replyloop_reader', held.name);
            EXECUTE format('DROP POLICY IF EXISTS replyloop_reads ON %I', held.name);
            EXECUTE format('CREATE POLICY replyloop_reads ON %I FOR SELECT TO replyloop_reader USING (TRUE)', held.name);
        END IF;
    END LOOP;
END
$$;

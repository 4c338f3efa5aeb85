-- What a bot tells: each call may be repeated without harm, and answers with a status: recorded,
-- unchanged, or quarantined with the reason.
--
-- One at a time tells: so a reply and its snapshot, told at once, do not miss each other, two harvesters
-- that tell many posts in one transaction each do not block each other for ever, and a repeat sees what it
-- repeats, also in a bot's own tables, which may lack the unique keys. Likewise one at a time claims.

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

-- Keeps what broke its contract, once, with the reason.
CREATE OR REPLACE FUNCTION keep_in_quarantine(origin TEXT, why TEXT, raw JSONB) RETURNS JSONB
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO quarantine (id, source, line, reason, raw)
    VALUES (
        encode(sha256(convert_to(origin || chr(31) || raw::TEXT, 'UTF8')), 'hex'), origin, 0, why, left(raw::TEXT, 8192)
    )
    ON CONFLICT DO NOTHING;
    RETURN jsonb_build_object('status', 'quarantined', 'reason', why);
END
$$;

-- Why a post cannot be taken, NULL if it can.
CREATE OR REPLACE FUNCTION contract_breach(
    tweet_id TEXT, username TEXT, counts BIGINT[], happened_at TIMESTAMPTZ, of_what TEXT
) RETURNS TEXT
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN coalesce(tweet_id !~ '^[0-9]{1,20}$', TRUE) THEN 'tweet_id is no post id'
        WHEN username !~ '^[A-Za-z0-9_]{1,15}$' THEN 'target_username is no user name'
        WHEN EXISTS (SELECT FROM unnest(counts) AS y WHERE y < 0 OR y > 2147483647) THEN 'a count is out of range'
        WHEN happened_at IS NULL THEN of_what || ' is missing'
        WHEN
            happened_at < TIMESTAMPTZ '2006-01-01 00:00:00+00'
            OR happened_at >= TIMESTAMPTZ '2100-01-01 00:00:00+00'
            THEN of_what || ' is out of range'
    END
$$;

-- A post that was found. One that is known stays as it was found first.
CREATE OR REPLACE FUNCTION record_opportunity(
    tweet_id TEXT,
    target_username TEXT,
    like_count BIGINT,
    reply_count BIGINT,
    posted_minutes_ago BIGINT,
    author_follower_count BIGINT DEFAULT NULL,
    search_query TEXT DEFAULT NULL,
    tweet_text TEXT DEFAULT NULL,
    discovered_at TIMESTAMPTZ DEFAULT now()
) RETURNS JSONB
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    name TEXT := ltrim(record_opportunity.target_username, '@');
    breach TEXT := contract_breach(
        record_opportunity.tweet_id, coalesce(name, ''),
        ARRAY[
            record_opportunity.like_count, record_opportunity.reply_count,
            record_opportunity.posted_minutes_ago, record_opportunity.author_follower_count
        ],
        record_opportunity.discovered_at, 'discovered_at'
    );
    raw JSONB := jsonb_build_object(
        'tweet_id', left(record_opportunity.tweet_id, 400),
        'target_username', left(record_opportunity.target_username, 400),
        'like_count', record_opportunity.like_count, 'reply_count', record_opportunity.reply_count,
        'posted_minutes_ago', record_opportunity.posted_minutes_ago,
        'author_follower_count', record_opportunity.author_follower_count,
        'discovered_at', record_opportunity.discovered_at
    );
    rated RECORD;
    is_new BOOLEAN;
BEGIN
    PERFORM one_at_a_time('tell');
    IF breach IS NOT NULL THEN
        RETURN keep_in_quarantine('record_opportunity', breach, raw);
    END IF;
    SELECT * INTO rated FROM score_opportunity(
        record_opportunity.like_count, record_opportunity.posted_minutes_ago, record_opportunity.reply_count,
        name, record_opportunity.author_follower_count
    );
    INSERT INTO reply_opportunities (
        tweet_id, tweet_text, target_username, author_follower_count, like_count, reply_count, search_query,
        tweet_posted_at, posted_minutes_ago, discovered_at, engagement_tier, account_size_tier, timing_window,
        opportunity_score_v2
    )
    SELECT
        record_opportunity.tweet_id, left(record_opportunity.tweet_text, 100000), name,
        record_opportunity.author_follower_count, record_opportunity.like_count, record_opportunity.reply_count,
        left(record_opportunity.search_query, 2000),
        record_opportunity.discovered_at - record_opportunity.posted_minutes_ago * INTERVAL '1 minute',
        record_opportunity.posted_minutes_ago, record_opportunity.discovered_at,
        rated.engagement_tier, rated.account_size_tier, rated.timing_window, rated.opportunity_score_v2
    WHERE NOT EXISTS (
        SELECT FROM reply_opportunities AS known WHERE known.tweet_id = record_opportunity.tweet_id
    )
    ON CONFLICT DO NOTHING;
    is_new := FOUND;
    RETURN jsonb_build_object('status', CASE WHEN is_new THEN 'recorded' ELSE 'unchanged' END) || to_jsonb(rated);
EXCEPTION
    -- a bot's own table may have rules of its own
    WHEN data_exception OR integrity_constraint_violation THEN
        RETURN keep_in_quarantine('record_opportunity', SQLERRM, raw);
END
$$;

-- A post's numbers are those of its latest observation.
CREATE OR REPLACE FUNCTION refresh_actuals(measured_tweet TEXT) RETURNS VOID
LANGUAGE sql AS $$
    UPDATE content_metadata AS posted
    SET
        actual_likes = latest.likes,
        actual_impressions = latest.impressions,
        actual_engagement_rate = latest.rate,
        updated_at = clock_timestamp()
    FROM (
        SELECT m.likes, m.impressions, m.engagements::DOUBLE PRECISION / nullif(m.impressions, 0) AS rate
        FROM tweet_metrics AS m
        WHERE m.tweet_id = measured_tweet AND (m.impressions IS NOT NULL OR m.likes IS NOT NULL)
        ORDER BY
            m.collected_at DESC, m.impressions DESC NULLS LAST, m.likes DESC NULLS LAST,
            m.engagements DESC NULLS LAST
        LIMIT 1
    ) AS latest
    WHERE
        posted.tweet_id = measured_tweet
        AND (posted.actual_likes, posted.actual_impressions, posted.actual_engagement_rate)
        IS DISTINCT FROM (latest.likes, latest.impressions, latest.rate)
$$;

-- A reply that was posted. With the decision's id of a claim, target, generator, format and experiment are
-- known. A row that the bot made before it posted is completed, and so is one that an export of X told of.
CREATE OR REPLACE FUNCTION record_reply(
    decision_id TEXT,
    tweet_id TEXT,
    posted_at TIMESTAMPTZ DEFAULT now(),
    content TEXT DEFAULT NULL,
    target_tweet_id TEXT DEFAULT NULL,
    target_username TEXT DEFAULT NULL,
    generator_name TEXT DEFAULT NULL,
    format TEXT DEFAULT NULL
) RETURNS JSONB
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    claim opportunity_claims;
    name TEXT := ltrim(record_reply.target_username, '@');
    breach TEXT := CASE
        WHEN coalesce(octet_length(record_reply.decision_id), 0) NOT BETWEEN 1 AND 200
            THEN 'decision_id is missing or too long'
        WHEN record_reply.target_tweet_id !~ '^[0-9]{1,20}$' THEN 'target_tweet_id is no post id'
        ELSE contract_breach(record_reply.tweet_id, name, '{}', record_reply.posted_at, 'posted_at')
    END;
    raw JSONB := jsonb_build_object(
        'decision_id', left(record_reply.decision_id, 400), 'tweet_id', left(record_reply.tweet_id, 400),
        'target_username', left(record_reply.target_username, 400),
        'target_tweet_id', left(record_reply.target_tweet_id, 400), 'posted_at', record_reply.posted_at
    );
    told content_metadata; -- a bot's own table may have other types: its row type says which
    stored content_metadata;
    same_post content_metadata;
BEGIN
    PERFORM one_at_a_time('tell');
    IF breach IS NOT NULL THEN
        RETURN keep_in_quarantine('record_reply', breach, raw);
    END IF;
    SELECT * INTO claim FROM opportunity_claims AS c WHERE c.decision_id = record_reply.decision_id;
    told := jsonb_populate_record(NULL::content_metadata, jsonb_build_object(
        'decision_id', record_reply.decision_id,
        'decision_type', 'reply',
        'content', left(record_reply.content, 100000),
        'format', left(coalesce(record_reply.format, claim.answer ->> 'format'), 200),
        'generator_name', left(coalesce(record_reply.generator_name, claim.answer ->> 'generator'), 200),
        'target_username', coalesce(name, claim.answer ->> 'target_username'),
        'target_username_source', CASE WHEN coalesce(name, claim.answer ->> 'target_username') IS NOT NULL THEN 'decision' END,
        'target_tweet_id', coalesce(record_reply.target_tweet_id, claim.tweet_id),
        'tweet_id', record_reply.tweet_id,
        'status', 'posted',
        'posted_at', record_reply.posted_at,
        'experiment_id', claim.answer ->> 'experiment_id',
        'experiment_variant', claim.answer ->> 'variant'
    ));
    SELECT * INTO stored FROM content_metadata AS known WHERE known.decision_id = told.decision_id;
    IF stored.tweet_id = told.tweet_id THEN
        RETURN jsonb_build_object('status', 'unchanged');
    ELSIF stored.tweet_id IS NOT NULL THEN
        RETURN keep_in_quarantine('record_reply', 'decision_id is that of another post', raw);
    END IF;
    SELECT * INTO same_post FROM content_metadata AS known
    WHERE known.tweet_id = told.tweet_id
    ORDER BY known.decision_id
    LIMIT 1;
    IF same_post.tweet_id IS NOT NULL THEN
        -- an importer gives a post that it knows no decision of a derived id: a UUID of version 5
        IF same_post.decision_id::TEXT !~ '^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$'
            OR same_post.target_username_source = 'decision' OR same_post.generator_name IS NOT NULL
        THEN
            RETURN keep_in_quarantine('record_reply', 'tweet_id is the post of another decision', raw);
        END IF;
        IF stored.decision_id IS NULL THEN
            UPDATE content_metadata AS known SET decision_id = told.decision_id
            WHERE known.decision_id = same_post.decision_id;
            stored.decision_id := told.decision_id;
        ELSE
            DELETE FROM content_metadata AS known WHERE known.decision_id = same_post.decision_id;
        END IF;
        told.content := coalesce(told.content, same_post.content);
        told.target_username := coalesce(told.target_username, same_post.target_username);
        told.target_username_source := coalesce(told.target_username_source, same_post.target_username_source);
    END IF;
    IF stored.decision_id IS NOT NULL THEN
        UPDATE content_metadata AS known
        SET
            decision_type = 'reply',
            content = coalesce(told.content, known.content),
            format = coalesce(told.format, known.format),
            generator_name = coalesce(told.generator_name, known.generator_name),
            target_username = coalesce(told.target_username, known.target_username),
            target_username_source = coalesce(told.target_username_source, known.target_username_source),
            target_tweet_id = coalesce(told.target_tweet_id, known.target_tweet_id),
            tweet_id = told.tweet_id,
            status = told.status,
            posted_at = told.posted_at,
            experiment_id = coalesce(told.experiment_id, known.experiment_id),
            experiment_variant = coalesce(told.experiment_variant, known.experiment_variant),
            updated_at = clock_timestamp(),
            recorded_at = clock_timestamp()
        WHERE known.decision_id = told.decision_id;
    ELSE
        IF told.content IS NULL AND EXISTS (
            SELECT FROM pg_attribute AS a
            WHERE a.attrelid = 'content_metadata'::REGCLASS AND a.attname = 'content' AND a.attnotnull
        ) THEN
            told.content := '';
        END IF;
        INSERT INTO content_metadata (
            decision_id, decision_type, content, format, generator_name, target_username, target_username_source,
            target_tweet_id, tweet_id, status, posted_at, experiment_id, experiment_variant
        )
        VALUES (
            told.decision_id, told.decision_type, told.content, told.format, told.generator_name,
            told.target_username, told.target_username_source, told.target_tweet_id, told.tweet_id, told.status,
            told.posted_at, told.experiment_id, told.experiment_variant
        );
    END IF;
    -- the reply ends the lease: what was answered is known by its target from now on
    UPDATE opportunity_claims AS c
    SET lease_until = greatest(c.claimed_at, record_reply.posted_at)
    WHERE c.decision_id = record_reply.decision_id AND c.lease_until > greatest(c.claimed_at, record_reply.posted_at);
    PERFORM refresh_actuals(record_reply.tweet_id);
    PERFORM give_feedback(record_reply.tweet_id);
    RETURN jsonb_build_object('status', 'recorded');
EXCEPTION
    WHEN data_exception OR integrity_constraint_violation THEN
        RETURN keep_in_quarantine('record_reply', SQLERRM, raw);
END
$$;

-- A snapshot of a reply's counts; feedback to its account follows at once. Of two at one instant the
-- greater count stands.
CREATE OR REPLACE FUNCTION record_metrics(
    tweet_id TEXT,
    collected_at TIMESTAMPTZ,
    followers_gained BIGINT DEFAULT NULL,
    likes BIGINT DEFAULT NULL,
    impressions BIGINT DEFAULT NULL,
    profile_clicks BIGINT DEFAULT NULL,
    replies BIGINT DEFAULT NULL,
    reposts BIGINT DEFAULT NULL,
    bookmarks BIGINT DEFAULT NULL,
    engagements BIGINT DEFAULT NULL
) RETURNS JSONB
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    counts BIGINT[] := ARRAY[
        record_metrics.followers_gained, record_metrics.likes, record_metrics.impressions,
        record_metrics.profile_clicks, record_metrics.replies, record_metrics.reposts,
        record_metrics.bookmarks, record_metrics.engagements
    ];
    breach TEXT := contract_breach(
        record_metrics.tweet_id, NULL, counts, record_metrics.collected_at, 'collected_at'
    );
    raw JSONB := jsonb_build_object(
        'tweet_id', left(record_metrics.tweet_id, 400), 'collected_at', record_metrics.collected_at,
        'counts', counts
    );
    is_new BOOLEAN;
BEGIN
    PERFORM one_at_a_time('tell');
    IF breach IS NOT NULL THEN
        RETURN keep_in_quarantine('record_metrics', breach, raw);
    END IF;
    IF EXISTS (
        SELECT FROM tweet_metrics AS known
        WHERE
            known.tweet_id = record_metrics.tweet_id
            AND known.collected_at = record_metrics.collected_at
            AND known.source IS DISTINCT FROM 'export'
    ) THEN
        UPDATE tweet_metrics AS known
        SET
            followers_gained = greatest(known.followers_gained, record_metrics.followers_gained),
            likes = greatest(known.likes, record_metrics.likes),
            impressions = greatest(known.impressions, record_metrics.impressions),
            profile_clicks = greatest(known.profile_clicks, record_metrics.profile_clicks),
            replies = greatest(known.replies, record_metrics.replies),
            reposts = greatest(known.reposts, record_metrics.reposts),
            bookmarks = greatest(known.bookmarks, record_metrics.bookmarks),
            engagements = greatest(known.engagements, record_metrics.engagements),
            recorded_at = clock_timestamp()
        WHERE
            known.tweet_id = record_metrics.tweet_id
            AND known.collected_at = record_metrics.collected_at
            AND known.source IS DISTINCT FROM 'export'
            AND EXISTS (
                SELECT FROM unnest(
                    counts,
                    ARRAY[
                        known.followers_gained, known.likes, known.impressions, known.profile_clicks, known.replies,
                        known.reposts, known.bookmarks, known.engagements
                    ]::BIGINT[]
                ) AS pair (told, stored)
                WHERE pair.told > coalesce(pair.stored, -1)
            );
        is_new := FOUND;
    ELSE
        INSERT INTO tweet_metrics (
            tweet_id, collected_at, source, followers_gained, likes, impressions, profile_clicks, replies, reposts,
            bookmarks, engagements
        )
        VALUES (
            record_metrics.tweet_id, record_metrics.collected_at, 'bot', record_metrics.followers_gained,
            record_metrics.likes, record_metrics.impressions, record_metrics.profile_clicks, record_metrics.replies,
            record_metrics.reposts, record_metrics.bookmarks, record_metrics.engagements
        )
        ON CONFLICT DO NOTHING; -- a bot's own key may not tell an export of that instant from a snapshot
        is_new := FOUND;
    END IF;
    IF is_new THEN
        PERFORM refresh_actuals(record_metrics.tweet_id);
    END IF;
    RETURN jsonb_build_object(
        'status', CASE WHEN is_new THEN 'recorded' ELSE 'unchanged' END,
        'feedback', give_feedback(record_metrics.tweet_id)
    );
EXCEPTION
    WHEN data_exception OR integrity_constraint_violation THEN
        RETURN keep_in_quarantine('record_metrics', SQLERRM, raw);
END
$$;

-- An error of the bot's, for the operator and the error analysis. With an id of its own it is kept once.
CREATE OR REPLACE FUNCTION record_error(
    component TEXT, message TEXT, severity TEXT DEFAULT 'error', detail JSONB DEFAULT NULL,
    error_id TEXT DEFAULT NULL
) RETURNS JSONB
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    event JSONB := jsonb_build_object(
        'component', left(record_error.component, 200), 'message', both_ends(record_error.message),
        'detail', record_error.detail, 'error_id', ledger_key(record_error.error_id)
    );
BEGIN
    PERFORM one_at_a_time('tell');
    IF coalesce(record_error.message, '') = '' THEN
        RETURN keep_in_quarantine('record_error', 'message is missing', event);
    END IF;
    INSERT INTO system_events (event_type, event_data, severity, created_at)
    SELECT
        'bot_error',
        event,
        coalesce(severity_level(record_error.severity), 'error'),
        now()
    WHERE record_error.error_id IS NULL OR NOT EXISTS (
        SELECT FROM system_events AS known
        WHERE
            known.event_type = 'bot_error'
            AND known.event_data ->> 'error_id' = ledger_key(record_error.error_id)
    );
    RETURN jsonb_build_object('status', CASE WHEN FOUND THEN 'recorded' ELSE 'unchanged' END);
EXCEPTION
    WHEN data_exception OR integrity_constraint_violation THEN
        RETURN keep_in_quarantine('record_error', SQLERRM, event);
END
$$;

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
LANGUAGE plpgsql SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE
    moment TIMESTAMPTZ := coalesce(record_reply.posted_at, now());
    claim opportunity_claims;
    name TEXT := ltrim(record_reply.target_username, '@');
    breach TEXT := CASE
        WHEN coalesce(octet_length(record_reply.decision_id), 0) NOT BETWEEN 1 AND 200
            THEN 'decision_id is missing or too long'
        WHEN record_reply.target_tweet_id !~ '^[0-9]{1,20}$' THEN 'target_tweet_id is no post id'
        ELSE contract_breach(record_reply.tweet_id, name, '{}', moment, 'posted_at')
    END;
    raw JSONB := jsonb_build_object(
        'decision_id', left(record_reply.decision_id, 400), 'tweet_id', left(record_reply.tweet_id, 400),
        'target_username', left(record_reply.target_username, 400),
        'target_tweet_id', left(record_reply.target_tweet_id, 400), 'posted_at', record_reply.posted_at,
        'generator_name', left(record_reply.generator_name, 200), 'format', left(record_reply.format, 200),
        'content', left(record_reply.content, 4000)
    );
    told own_posts;
    stored own_posts;
    same_post own_posts;
BEGIN
    PERFORM one_at_a_time('tell');
    IF breach IS NOT NULL THEN
        RETURN keep_in_quarantine('record_reply', breach, raw);
    END IF;
    SELECT * INTO claim FROM opportunity_claims AS c WHERE c.decision_id = record_reply.decision_id;
    told := jsonb_populate_record(NULL::own_posts, jsonb_build_object(
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
        'posted_at', moment,
        'experiment_id', claim.answer ->> 'experiment_id',
        'experiment_variant', claim.answer ->> 'variant'
    ));
    SELECT * INTO stored FROM own_posts AS known
    WHERE known.decision_id IN (
        told.decision_id,
        -- a UUID may be spelt in either case
        CASE WHEN told.decision_id ~ '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$' THEN lower(told.decision_id) END
    )
    ORDER BY (known.decision_id = told.decision_id) DESC
    LIMIT 1;
    told.decision_id := coalesce(stored.decision_id, told.decision_id);
    IF stored.tweet_id = told.tweet_id THEN
        RETURN jsonb_build_object('status', 'unchanged');
    ELSIF stored.tweet_id IS NOT NULL THEN
        RETURN keep_in_quarantine('record_reply', 'decision_id is that of another post', raw);
    END IF;
    SELECT * INTO same_post FROM own_posts AS known
    WHERE known.tweet_id = told.tweet_id
    ORDER BY known.decision_id
    LIMIT 1;
    -- an id that is no claim's may be a misspelt one: without a target nothing could be learnt from it
    IF coalesce(stored.decision_id::TEXT, same_post.tweet_id, told.target_username, told.target_tweet_id) IS NULL THEN
        RETURN keep_in_quarantine('record_reply', 'decision_id is that of no claim, and no target is named', raw);
    END IF;
    IF same_post.tweet_id IS NOT NULL THEN
        -- an importer gives a post that it knows no decision of a derived id: a UUID of version 5
        IF same_post.decision_id::TEXT !~ '^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$'
            OR same_post.target_username_source = 'decision' OR same_post.generator_name IS NOT NULL
        THEN
            RETURN keep_in_quarantine('record_reply', 'tweet_id is the post of another decision', raw);
        END IF;
        IF stored.decision_id IS NULL THEN
            UPDATE own_posts AS known SET decision_id = told.decision_id
            WHERE known.decision_id = same_post.decision_id;
            stored.decision_id := told.decision_id;
        ELSE
            DELETE FROM own_posts AS known WHERE known.decision_id = same_post.decision_id;
        END IF;
        told.content := coalesce(told.content, same_post.content);
        told.target_username := coalesce(told.target_username, same_post.target_username);
        told.target_username_source := coalesce(told.target_username_source, same_post.target_username_source);
    END IF;
    IF stored.decision_id IS NOT NULL THEN
        UPDATE own_posts AS known
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
        IF NOT FOUND THEN
            RETURN keep_in_quarantine('record_reply', 'a trigger of content_metadata took no change, without a word', raw);
        END IF;
    ELSE
        INSERT INTO own_posts (
            decision_id, decision_type, content, format, generator_name, target_username, target_username_source,
            target_tweet_id, tweet_id, status, posted_at, experiment_id, experiment_variant
        )
        VALUES (
            told.decision_id, told.decision_type, told.content, told.format, told.generator_name,
            told.target_username, told.target_username_source, told.target_tweet_id, told.tweet_id, told.status,
            told.posted_at, told.experiment_id, told.experiment_variant
        );
        IF NOT FOUND THEN
            RETURN keep_in_quarantine('record_reply', 'a trigger of content_metadata took no row, without a word', raw);
        END IF;
    END IF;
    -- the reply ends the lease: what was answered is known by its target from now on
    UPDATE opportunity_claims AS c
    SET lease_until = greatest(c.claimed_at, moment)
    WHERE c.decision_id = record_reply.decision_id AND c.lease_until > greatest(c.claimed_at, moment);
    PERFORM refresh_actuals(record_reply.tweet_id);
    PERFORM give_feedback(record_reply.tweet_id);
    RETURN jsonb_build_object('status', 'recorded');
EXCEPTION
    WHEN OTHERS THEN
        RETURN keep_refused('record_reply', SQLSTATE, SQLERRM, raw);
END
$$;

-- Brings the queue to an instant: reads again what is new, what has aged, whose author or lease has changed
-- and what was answered. The posts that have a slot are then the open_opportunities of that instant. For
-- whoever claims, one at a time. An empty queue is filled anew.
CREATE OR REPLACE FUNCTION refresh_queue(at TIMESTAMPTZ) RETURNS VOID
LANGUAGE plpgsql AS $$
DECLARE
    hours CONSTANT INTEGER := coalesce((loop_setting('opportunity_use_hours'))::INTEGER, 24);
    used_since CONSTANT TIMESTAMPTZ := refresh_queue.at - hours * INTERVAL '1 hour';
    -- whoever began to write before this transaction has a lower number than it
    looked_at CONSTANT TIMESTAMPTZ := now();
    transaction CONSTANT BIGINT := pg_current_xact_id()::TEXT::BIGINT;
    -- all with a lower number have ended
    ended_before CONSTANT BIGINT := pg_snapshot_xmin(pg_current_snapshot())::TEXT::BIGINT;
    state queue_state;
    learnt TEXT[];
    stale TEXT[];
BEGIN
    SELECT * INTO state FROM queue_state;
    WITH heard AS (DELETE FROM queue_news RETURNING account)

    SELECT array_agg(DISTINCT heard.account) INTO learnt FROM heard;
    IF state.use_hours IS DISTINCT FROM hours
        OR state.kept_from > used_since
        OR state.noted_transaction > transaction -- another server's
        OR '*' = ANY(learnt)
        OR NOT rows_are_dated()
        OR NOT EXISTS (SELECT FROM queue_posts)
    THEN
        DELETE FROM queue_posts;
        DELETE FROM queue_slots;
        DELETE FROM queue_away;
        DELETE FROM queue_state;
        -- an hour more, as claims come not quite in the order of their instants; what other transactions have
        -- recorded is not seen yet
        state := ROW(
            TRUE, hours, used_since - INTERVAL '1 hour', looked_at - INTERVAL '1 hour', looked_at, transaction
        );
        INSERT INTO queue_away (account) SELECT away.account FROM away_from_queue(refresh_queue.at) AS away;
        stale := ARRAY(
            SELECT DISTINCT found.tweet_id FROM found_posts AS found
            WHERE found.discovered_at > state.kept_from AND found.tweet_id IS NOT NULL
        );
        PERFORM read_into_queue(stale, state.kept_from, refresh_queue.at);
        INSERT INTO queue_state SELECT state.* WHERE cardinality(stale) > 0;
        RETURN;
    END IF;

    WITH away AS MATERIALIZED (
        SELECT now_away.account FROM away_from_queue(refresh_queue.at) AS now_away
    ),

    back AS (
        DELETE FROM queue_away AS held WHERE held.account NOT IN (SELECT away.account FROM away)
        RETURNING held.account
    ),

    gone AS (
        INSERT INTO queue_away (account)
        SELECT away.account FROM away
        WHERE away.account NOT IN (SELECT held.account FROM queue_away AS held)
        RETURNING account
    )

    SELECT array_agg(moved.account) || learnt INTO learnt
    FROM (SELECT back.account FROM back UNION ALL SELECT gone.account FROM gone) AS moved;

    -- a look at the ends of the indexes first: mostly nothing has happened
    IF learnt IS NOT NULL
        OR (SELECT min(post.until) FROM queue_posts AS post) <= refresh_queue.at
        OR (SELECT max(post.since) FROM queue_posts AS post) > refresh_queue.at
        OR (SELECT max(found.recorded_at) FROM found_posts AS found) > state.read_until
        OR (SELECT max(own.recorded_at) FROM own_posts AS own) > state.read_until
    THEN
        stale := ARRAY(
            SELECT post.tweet_id FROM queue_posts AS post WHERE post.until <= refresh_queue.at
            UNION
            SELECT post.tweet_id FROM queue_posts AS post WHERE post.since > refresh_queue.at
            UNION
            SELECT post.tweet_id FROM queue_posts AS post WHERE post.account = ANY(learnt)
            UNION
            SELECT found.tweet_id
            FROM found_posts AS found
            WHERE
                found.recorded_at > state.read_until
                AND found.discovered_at > state.kept_from
                AND NOT EXISTS (
                    SELECT FROM queue_posts AS post
                    WHERE post.tweet_id = found.tweet_id AND post.recorded_at = found.recorded_at
                )
            UNION
            SELECT post.tweet_id
            FROM own_posts AS own
            CROSS JOIN LATERAL (VALUES (own.tweet_id), (own.target_tweet_id)) AS named (tweet_id)
            INNER JOIN queue_posts AS post ON named.tweet_id = post.tweet_id
            WHERE own.recorded_at > state.read_until AND post.slot IS NOT NULL
        );
        IF cardinality(stale) > 0 THEN
            PERFORM read_into_queue(stale, state.kept_from, refresh_queue.at);
        END IF;
    END IF;

    IF state.kept_from < used_since - INTERVAL '2 hours' THEN
        state.kept_from := used_since - INTERVAL '1 hour';
        DELETE FROM queue_posts WHERE discovered_at <= state.kept_from;
    END IF;
    IF state.noted_transaction <= ended_before THEN
        -- what they wrote was just seen; a row may be dated a little before its transaction has a number
        state.read_until := state.noted_at - INTERVAL '10 seconds';
        state.noted_at := looked_at;
        state.noted_transaction := transaction;
    END IF;
    UPDATE queue_state
    SET
        kept_from = state.kept_from, read_until = state.read_until, noted_at = state.noted_at,
        noted_transaction = state.noted_transaction
    WHERE
        (kept_from, read_until, noted_at, noted_transaction)
        IS DISTINCT FROM (state.kept_from, state.read_until, state.noted_at, state.noted_transaction);
END
$$;

-- The queue: posts found, still fresh, not yet answered, their authors not answered too often.

-- Every opportunity that may be taken at an instant, with its tiers and its score as they are then.
CREATE OR REPLACE FUNCTION open_opportunities(at TIMESTAMPTZ)
RETURNS TABLE (
    opportunity_id TEXT, tweet_id TEXT, target_username TEXT, account TEXT, tweet_text TEXT,
    engagement_tier TEXT, account_size TEXT, timing_window TEXT, search_query TEXT,
    score NUMERIC, posted_minutes_ago BIGINT
)
LANGUAGE sql STABLE AS $$
    WITH numbers AS (
        SELECT
            at - coalesce((loop_setting('opportunity_use_hours'))::INTEGER, 24) * INTERVAL '1 hour' AS used_from,
            at - coalesce((loop_setting('author_cooldown_hours'))::INTEGER, 24) * INTERVAL '1 hour' AS rested_from
    ),

    -- bounds as scalar subqueries: so the indexes on instants are used, and a long history costs nothing
    fresh AS MATERIALIZED (
        SELECT
            found.id::TEXT AS opportunity_id, found.tweet_id, found.target_username, found.tweet_text,
            found.search_query, found.like_count, found.reply_count, found.author_follower_count,
            lower(found.target_username) AS account,
            coalesce(
                found.tweet_posted_at,
                -- a bot's own table may hold any number
                found.discovered_at
                - least(greatest(found.posted_minutes_ago, 0), 1000000)::INTEGER * INTERVAL '1 minute',
                found.discovered_at
            ) AS posted_at
        FROM reply_opportunities AS found
        WHERE
            found.discovered_at > (SELECT numbers.used_from FROM numbers)
            AND found.discovered_at <= at
            AND found.tweet_id IS NOT NULL
            AND found.target_username ~ '^[A-Za-z0-9_]{1,15}$'
    ),

    resting AS MATERIALIZED (
        SELECT lower(own.target_username) AS account
        FROM content_metadata AS own
        WHERE own.posted_at > (SELECT numbers.rested_from FROM numbers) AND own.target_username IS NOT NULL
    ),

    leased AS MATERIALIZED (
        SELECT claim.tweet_id, claim.account
        FROM opportunity_claims AS claim
        WHERE claim.lease_until > at
    ),

    free AS MATERIALIZED (
        SELECT fresh.*, floor(extract(EPOCH FROM at - fresh.posted_at) / 60)::BIGINT AS age_minutes
        FROM fresh
        WHERE
            fresh.posted_at > (SELECT numbers.used_from FROM numbers)
            AND fresh.account NOT IN (SELECT resting.account FROM resting)
            AND fresh.account NOT IN (SELECT leased.account FROM leased WHERE leased.account IS NOT NULL)
            AND fresh.tweet_id NOT IN (SELECT leased.tweet_id FROM leased)
            AND NOT EXISTS (SELECT FROM content_metadata AS own WHERE own.tweet_id = fresh.tweet_id)
            AND NOT EXISTS (SELECT FROM content_metadata AS own WHERE own.target_tweet_id = fresh.tweet_id)
    )

    SELECT
        free.opportunity_id,
        free.tweet_id,
        free.target_username,
        free.account,
        free.tweet_text,
        coalesce(engagement_tier(free.like_count::BIGINT), 'unknown'),
        coalesce(account_size_tier(coalesce(free.author_follower_count::BIGINT, author.follower_count)), 'unknown'),
        timing_window(free.age_minutes),
        coalesce(free.search_query, 'unknown'),
        opportunity_score(free.like_count::BIGINT, author.average, free.age_minutes, free.reply_count::BIGINT),
        free.age_minutes
    FROM free
    LEFT JOIN LATERAL (
        SELECT
            max(known.follower_count)::BIGINT AS follower_count,
            max(known.avg_followers_per_reply)::DOUBLE PRECISION AS average
        FROM discovered_accounts AS known
        WHERE lower(known.username) = free.account
    ) AS author ON TRUE
$$;

-- Why a post stands where it does, in words.
CREATE OR REPLACE FUNCTION explain_opportunity(score NUMERIC, tier TEXT, timing TEXT, account TEXT)
RETURNS TEXT
LANGUAGE sql STABLE AS $$
    SELECT format('Score %s: %s likes, %s old', round(score, 1), tier, timing) || coalesce(
        (
            SELECT format(
                ', replies to this account brought %s followers each',
                round(max(known.avg_followers_per_reply)::NUMERIC, 1)
            )
            FROM discovered_accounts AS known
            WHERE lower(known.username) = explain_opportunity.account AND known.avg_followers_per_reply > 0
            HAVING count(*) > 0
        ), ''
    ) || '.'
$$;

-- The best of the queue, one an author; nothing is decided by looking.
CREATE OR REPLACE FUNCTION peek_queue(most INTEGER DEFAULT 10, at TIMESTAMPTZ DEFAULT now())
RETURNS TABLE (
    tweet_id TEXT, target_username TEXT, tweet_text TEXT, engagement_tier TEXT, account_size TEXT,
    timing_window TEXT, score NUMERIC, likely_generator TEXT, predicted_followers DOUBLE PRECISION,
    reason TEXT
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT
        best.tweet_id, best.target_username, best.tweet_text, best.engagement_tier, best.account_size,
        best.timing_window, best.score,
        coalesce(likely.generator_name, loop_setting('default_generator') #>> '{}', 'ResearchSynthesizer'),
        likely.expected_followers,
        explain_opportunity(best.score, best.engagement_tier, best.timing_window, best.account)
        || coalesce(' ' || likely.reason, '')
    FROM (
        SELECT one.*
        FROM (
            SELECT DISTINCT ON (opened.account) opened.*
            FROM open_opportunities(coalesce(at, now())) AS opened
            ORDER BY opened.account, opened.score DESC, opened.tweet_id COLLATE "C"
        ) AS one
        ORDER BY one.score DESC, one.tweet_id COLLATE "C"
        LIMIT greatest(0, least(coalesce(most, 10), 1000))
    ) AS best
    LEFT JOIN LATERAL (
        SELECT p.generator_name, p.expected_followers, p.reason
        FROM generator_preferences AS p
        WHERE p.account IN (best.account, '*') AND coalesce((loop_setting('generator_choice'))::BOOLEAN, TRUE)
        ORDER BY (p.account = '*'), p.probability DESC, p.generator_name
        LIMIT 1
    ) AS likely ON TRUE
    ORDER BY best.score DESC, best.tweet_id COLLATE "C"
$$;

-- The shares of a family over the arms that the queue holds: renormalised, and a tenth over those that
-- the allocation does not know, or no longer (paused without a share). An arm that it holds at no share
-- otherwise, as a rejected one, is never drawn.
CREATE OR REPLACE FUNCTION available_shares(family TEXT, held TEXT[])
RETURNS TABLE (arms TEXT[], probabilities DOUBLE PRECISION[], known_as_of TIMESTAMPTZ)
LANGUAGE sql STABLE AS $$
    WITH shares AS (
        SELECT
            held_arm.name, live.known_as_of, live.p AS share
        FROM unnest(held) AS held_arm (name)
        CROSS JOIN LATERAL (
            SELECT
                sum(arm.probability) FILTER (WHERE arm.probability > 0) AS p,
                max(arm.as_of) AS known_as_of,
                bool_or(arm.probability = 0 AND arm.status IS DISTINCT FROM 'paused') AS is_out
            FROM strategy_allocation AS arm
            WHERE arm.strategy_type = family AND arm.strategy_name = held_arm.name
        ) AS live
        WHERE live.p > 0 OR NOT coalesce(live.is_out, FALSE)
    ),

    sums AS (
        SELECT sum(shares.share) AS known, count(*) FILTER (WHERE shares.share IS NULL) AS strangers
        FROM shares
    )

    SELECT
        array_agg(shares.name),
        array_agg(
            CASE
                WHEN shares.share IS NULL THEN 0.1 / sums.strangers
                WHEN sums.strangers > 0 THEN 0.9 * shares.share / sums.known
                ELSE shares.share / sums.known
            END
        ),
        max(shares.known_as_of)
    FROM shares
    CROSS JOIN sums
    HAVING bool_or(shares.share IS NOT NULL)
$$;

-- A new id, in the form of a UUID of version 4. From random() and not gen_random_uuid(), as what is drawn
-- for a decision hangs on its id, and a simulation that says setseed() must get the same life again.
CREATE OR REPLACE FUNCTION random_id() RETURNS TEXT
LANGUAGE sql VOLATILE AS $$
    SELECT overlay(overlay(md5(random()::TEXT || random()::TEXT) PLACING '4' FROM 13) PLACING '8' FROM 17)::UUID::TEXT
$$;

-- Takes the next opportunities from the queue, each for as long as the lease: draws the slot of each
-- attribute family by its allocation over what the queue holds, given the slots drawn before, takes the
-- best post in it, and decides generator, format, experiment and variant. Every draw is in the ledger,
-- under the decision's id.
CREATE OR REPLACE FUNCTION claim_next(
    most INTEGER DEFAULT 1, claimed_by TEXT DEFAULT NULL, at TIMESTAMPTZ DEFAULT now()
) RETURNS TABLE (
    decision_id TEXT, tweet_id TEXT, target_username TEXT, tweet_text TEXT, score NUMERIC, generator TEXT,
    generator_probability DOUBLE PRECISION, arms JSONB, experiment_id UUID, variant TEXT,
    predicted_followers DOUBLE PRECISION, reason TEXT, lease_until TIMESTAMPTZ
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    wanted INTEGER := greatest(0, least(coalesce(claim_next.most, 1), 100));
    moment TIMESTAMPTZ := coalesce(claim_next.at, now());
    candidates JSONB[];
    families TEXT[];
    family TEXT;
    decision TEXT;
    slot JSONB;
    shares RECORD;
    entry decision_ledger;
    best JSONB;
    writer RECORD;
    style TEXT;
    trial UUID;
    variant_taken TEXT;
    until TIMESTAMPTZ := moment + coalesce((loop_setting('lease_minutes'))::INTEGER, 30) * INTERVAL '1 minute';
BEGIN
    -- one at a time looks at the queue: two bots never take the same post
    PERFORM one_at_a_time('claim');
    -- a slot holds as many authors' best posts as may be taken from it, best first; the others cannot come up
    candidates := ARRAY(
        SELECT to_jsonb(ranked)
        FROM (
            SELECT
                one.*,
                row_number() OVER (
                    PARTITION BY one.engagement_tier, one.account_size, one.timing_window, one.search_query
                    ORDER BY one.score DESC, one.tweet_id COLLATE "C"
                ) AS place
            FROM (
                SELECT DISTINCT ON (
                    opened.account, opened.engagement_tier, opened.account_size, opened.timing_window,
                    opened.search_query
                )
                    opened.*
                FROM open_opportunities(moment) AS opened
                ORDER BY
                    opened.account, opened.engagement_tier, opened.account_size, opened.timing_window,
                    opened.search_query, opened.score DESC, opened.tweet_id COLLATE "C"
            ) AS one
        ) AS ranked
        WHERE ranked.place <= wanted
        ORDER BY ranked.score DESC, ranked.tweet_id COLLATE "C"
    );
    -- the family that is surest of its best arm draws first: it finds most of the queue still open to it
    families := ARRAY(
        SELECT slot_family.name
        FROM unnest(ARRAY['timing_window', 'engagement_tier', 'account_size', 'search_query'])
            WITH ORDINALITY AS slot_family (name, place)
        LEFT JOIN strategy_allocation AS arm ON slot_family.name = arm.strategy_type
        GROUP BY slot_family.name, slot_family.place
        ORDER BY round(max(arm.probability)::NUMERIC, 6) DESC NULLS LAST, slot_family.place
    );
    FOR _ IN 1 .. wanted LOOP
        EXIT WHEN cardinality(candidates) = 0;
        decision := random_id();
        slot := '{}';
        FOREACH family IN ARRAY families LOOP
            SELECT s.* INTO shares FROM (
                SELECT array_agg(DISTINCT held.post ->> family) AS arms
                FROM unnest(candidates) AS held (post)
                WHERE held.post @> slot
            ) AS queue, available_shares(family, queue.arms) AS s;
            IF shares.arms IS NOT NULL THEN
                entry := assign_arm(
                    family, decision, shares.arms, shares.probabilities, 'strategy_allocation',
                    shares.known_as_of, moment
                );
                slot := slot || jsonb_build_object(family, entry.arm);
            END IF;
        END LOOP;
        SELECT held.post INTO best FROM unnest(candidates) WITH ORDINALITY AS held (post, place)
        WHERE held.post @> slot
        ORDER BY held.place
        LIMIT 1;
        SELECT * INTO writer FROM generator_for(best ->> 'account', decision, moment);
        trial := writer.experiment_id;
        variant_taken := writer.variant;
        -- a post takes part in one experiment at most, so that each is judged by its own alone
        style := NULL;
        IF trial IS NULL THEN
            entry := assign_trial('format', decision, moment);
            trial := trial_of(entry);
            style := entry.arm;
            SELECT v.variant INTO variant_taken FROM variant_for(trial, decision, moment) AS v;
        END IF;
        IF style IS NULL THEN
            SELECT a.arm INTO style FROM arm_for('format', decision, moment) AS a;
        END IF;
        IF style IS NOT NULL THEN
            slot := slot || jsonb_build_object('format', style);
        END IF;
        RETURN QUERY INSERT INTO opportunity_claims AS claim (
            decision_id, opportunity_id, tweet_id, account, claimed_by, claimed_at, lease_until, answer
        )
        SELECT
            decision, best ->> 'opportunity_id', best ->> 'tweet_id', best ->> 'account',
            left(claim_next.claimed_by, 200), moment, until,
            jsonb_build_object(
                'target_username', best ->> 'target_username', 'generator', writer.generator, 'format', style,
                'experiment_id', trial, 'variant', variant_taken, 'score', (best ->> 'score')::NUMERIC,
                'predicted_followers', writer.expected_followers, 'slot', slot
            )
        RETURNING
            claim.decision_id, claim.tweet_id, best ->> 'target_username', best ->> 'tweet_text',
            (best ->> 'score')::NUMERIC, writer.generator, writer.probability, slot, trial, variant_taken,
            writer.expected_followers,
            explain_opportunity(
                (best ->> 'score')::NUMERIC, best ->> 'engagement_tier', best ->> 'timing_window', best ->> 'account'
            ) || ' ' || writer.reason,
            claim.lease_until;
        candidates := ARRAY(
            SELECT held.post FROM unnest(candidates) WITH ORDINALITY AS held (post, place)
            WHERE held.post ->> 'account' <> best ->> 'account'
            ORDER BY held.place
        );
    END LOOP;
END
$$;

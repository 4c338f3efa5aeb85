-- A bot's own decisions. Grain: one own_posts row per decision and per post. A row that an
-- export derived becomes the decision; a stored decision is completed and never rewritten.

-- name: stage
CREATE TEMP TABLE staged ON COMMIT DROP AS
SELECT
    bad.line,
    bad.reason,
    bad.id AS quarantine_id,
    bad.raw,
    content.decision_id,
    content.tweet_id,
    content.posted_at,
    content.decision_type,
    content.content,
    content.format,
    content.generator_name,
    content.target_username,
    content.target_tweet_id,
    content.status,
    content.experiment_id,
    content.experiment_variant,
    content.decision_id AS derived_id
FROM own_posts AS content, quarantine AS bad
WITH NO DATA;

-- name: stage_kept: known: the decision or its post was there before; clash: as something else
CREATE TEMP TABLE kept ON COMMIT DROP AS
SELECT
    *,
    FALSE AS known,
    FALSE AS clash,
    FALSE AS touched
FROM staged
WITH NO DATA;

-- name: analyze_staged
ANALYZE staged;

-- name: keep: one row per decision, then one per post
INSERT INTO kept
SELECT DISTINCT ON (made.tweet_id)
    made.*,
    FALSE,
    FALSE,
    FALSE
FROM (
    SELECT DISTINCT ON (staged.decision_id) staged.*
    FROM staged
    WHERE staged.reason IS NULL
    ORDER BY staged.decision_id, staged.tweet_id, (staged.*)::TEXT DESC
) AS made
ORDER BY made.tweet_id, (made.decision_id = made.derived_id), made.decision_id;

-- name: index
CREATE UNIQUE INDEX ON kept (tweet_id);

-- name: analyze
ANALYZE kept;

-- name: mark_known
UPDATE kept SET known = TRUE
WHERE
    EXISTS (SELECT FROM own_posts AS stored WHERE stored.decision_id = kept.decision_id)
    OR EXISTS (SELECT FROM own_posts AS stored WHERE stored.tweet_id = kept.tweet_id);

-- name: mark_clashes
UPDATE kept SET clash = TRUE
WHERE
    EXISTS (
        SELECT FROM own_posts AS stored
        WHERE stored.decision_id = kept.decision_id AND stored.tweet_id <> kept.tweet_id
    )
    OR EXISTS (
        SELECT FROM own_posts AS stored
        WHERE
            stored.tweet_id = kept.tweet_id
            AND stored.decision_id NOT IN (kept.decision_id, kept.derived_id)
    );

-- name: absorb_derived: the decision is stored without its post, which an export knows
WITH absorbed AS (
    UPDATE own_posts AS decision
    SET
        recorded_at = clock_timestamp(), -- it may come too late for a closed day
        content = coalesce(decision.content, derived.content),
        actual_likes = coalesce(decision.actual_likes, derived.actual_likes),
        actual_impressions = coalesce(decision.actual_impressions, derived.actual_impressions),
        actual_engagement_rate
        = coalesce(decision.actual_engagement_rate, derived.actual_engagement_rate)
    FROM kept
    INNER JOIN own_posts AS derived
        ON kept.derived_id = derived.decision_id AND kept.tweet_id = derived.tweet_id
    WHERE
        NOT kept.clash
        AND kept.decision_id <> kept.derived_id
        AND decision.decision_id = kept.decision_id
    RETURNING derived.decision_id
)

DELETE FROM own_posts AS derived
USING absorbed
WHERE derived.decision_id = absorbed.decision_id;

-- name: become: a row derived from an export turns into the decision, and keeps what was measured
WITH became AS (
    UPDATE own_posts AS derived
    SET
        recorded_at = clock_timestamp(), -- it may come too late for a closed day
        decision_id = kept.decision_id,
        posted_at = kept.posted_at,
        decision_type = kept.decision_type,
        content = coalesce(kept.content, derived.content),
        format = kept.format,
        generator_name = kept.generator_name,
        target_username = CASE
            WHEN kept.target_username IS NOT NULL THEN kept.target_username
            WHEN kept.decision_type = 'reply' THEN derived.target_username
        END,
        target_username_source = CASE
            WHEN kept.target_username IS NOT NULL THEN 'decision'
            WHEN kept.decision_type = 'reply' THEN derived.target_username_source
        END,
        target_tweet_id = kept.target_tweet_id,
        status = kept.status,
        experiment_id = kept.experiment_id,
        experiment_variant = kept.experiment_variant,
        updated_at = now()
    FROM kept
    WHERE
        NOT kept.clash
        AND kept.decision_id <> kept.derived_id
        AND derived.decision_id = kept.derived_id
        AND derived.tweet_id = kept.tweet_id
    RETURNING derived.tweet_id
)

UPDATE kept SET touched = TRUE FROM became WHERE kept.tweet_id = became.tweet_id;

-- name: complete: gaps of a stored decision are filled; "posted" wins over any earlier status
WITH whole AS (
    SELECT
        stored.decision_id,
        kept.tweet_id,
        coalesce(stored.posted_at, kept.posted_at) AS posted_at,
        coalesce(stored.decision_type, kept.decision_type) AS decision_type,
        coalesce(stored.content, kept.content) AS content,
        coalesce(stored.format, kept.format) AS format,
        coalesce(stored.generator_name, kept.generator_name) AS generator_name,
        CASE
            WHEN stored.target_username IS NULL OR stored.target_username_source = 'text'
                THEN coalesce(kept.target_username, stored.target_username)
            ELSE stored.target_username
        END AS target_username,
        CASE
            WHEN
                kept.target_username IS NOT NULL
                AND (stored.target_username IS NULL OR stored.target_username_source = 'text')
                THEN 'decision'
            ELSE stored.target_username_source
        END AS target_username_source,
        coalesce(stored.target_tweet_id, kept.target_tweet_id) AS target_tweet_id,
        CASE
            WHEN 'posted' IN (stored.status, kept.status) THEN 'posted'
            ELSE coalesce(stored.status, kept.status)
        END AS status,
        coalesce(stored.experiment_id, kept.experiment_id) AS experiment_id,
        coalesce(stored.experiment_variant, kept.experiment_variant) AS experiment_variant
    FROM kept
    INNER JOIN own_posts AS stored ON kept.decision_id = stored.decision_id
    WHERE NOT kept.clash AND NOT kept.touched
),

completed AS (
    UPDATE own_posts AS stored
    SET
        recorded_at = clock_timestamp(), -- it may come too late for a closed day
        tweet_id = whole.tweet_id,
        posted_at = whole.posted_at,
        decision_type = whole.decision_type,
        content = whole.content,
        format = whole.format,
        generator_name = whole.generator_name,
        target_username = whole.target_username,
        target_username_source = whole.target_username_source,
        target_tweet_id = whole.target_tweet_id,
        status = whole.status,
        experiment_id = whole.experiment_id,
        experiment_variant = whole.experiment_variant,
        updated_at = now()
    FROM whole
    WHERE
        stored.decision_id = whole.decision_id
        AND (
            stored.tweet_id, stored.posted_at, stored.decision_type, stored.content, stored.format,
            stored.generator_name, stored.target_username, stored.target_username_source,
            stored.target_tweet_id, stored.status, stored.experiment_id, stored.experiment_variant
        ) IS DISTINCT FROM (
            whole.tweet_id, whole.posted_at, whole.decision_type, whole.content, whole.format,
            whole.generator_name, whole.target_username, whole.target_username_source,
            whole.target_tweet_id, whole.status, whole.experiment_id, whole.experiment_variant
        )
    RETURNING stored.tweet_id
)

UPDATE kept SET touched = TRUE FROM completed WHERE kept.tweet_id = completed.tweet_id;

-- name: add
INSERT INTO own_posts (
    decision_id, tweet_id, posted_at, decision_type, content, format, generator_name,
    target_username, target_username_source, target_tweet_id, status, experiment_id,
    experiment_variant
)
SELECT
    decision_id, tweet_id, posted_at, decision_type, content, format, generator_name,
    target_username,
    CASE WHEN target_username IS NOT NULL THEN 'decision' END,
    target_tweet_id, status, experiment_id, experiment_variant
FROM kept
WHERE NOT known;

-- name: date_accounts
UPDATE accounts AS account
SET discovered_at = target.first_reply_at
FROM (
    SELECT
        lower(target_username) AS name,
        min(posted_at) AS first_reply_at
    FROM kept
    WHERE target_username IS NOT NULL AND NOT clash
    GROUP BY lower(target_username)
) AS target
WHERE lower(account.username) = target.name AND account.discovered_at > target.first_reply_at;

-- name: add_accounts
INSERT INTO accounts (username, discovered_at)
SELECT
    lower(kept.target_username),
    min(kept.posted_at)
FROM kept
WHERE
    kept.target_username IS NOT NULL
    AND NOT kept.clash
    AND NOT EXISTS (
        SELECT FROM accounts AS account
        WHERE lower(account.username) = lower(kept.target_username)
    )
GROUP BY lower(kept.target_username);

-- name: count
SELECT
    count(*) FILTER (WHERE NOT known) AS loaded,
    count(*) FILTER (WHERE known AND touched) AS updated,
    count(*) FILTER (WHERE known AND NOT touched AND NOT clash) AS unchanged,
    (SELECT count(*) FROM staged WHERE reason IS NULL) - count(*) AS repeats,
    count(*) FILTER (WHERE clash) AS clashes,
    min(posted_at) FILTER (WHERE NOT clash) AS oldest,
    max(posted_at) FILTER (WHERE NOT clash) AS newest
FROM kept;

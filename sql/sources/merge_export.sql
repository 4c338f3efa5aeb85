-- Own posts out of an analytics export. Grain: one own_posts row per post, one snapshots
-- row per post and export instant. The order in which exports and decisions arrive does not matter:
-- of two observations at one instant the greater stands, and so does the greater of two texts.

-- name: stage
CREATE TEMP TABLE staged ON COMMIT DROP AS
SELECT
    bad.line,
    bad.reason,
    bad.id AS quarantine_id,
    bad.raw,
    content.decision_id,
    content.decision_type,
    content.content,
    content.target_username,
    content.tweet_id,
    0::BIGINT AS posted_ms, -- since 1970
    metrics.impressions,
    metrics.likes,
    metrics.engagements,
    metrics.bookmarks,
    metrics.shares,
    metrics.followers_gained,
    metrics.replies,
    metrics.reposts,
    metrics.profile_clicks,
    metrics.detail_expands,
    metrics.url_clicks,
    metrics.hashtag_clicks,
    metrics.permalink_clicks
FROM own_posts AS content, snapshots AS metrics, quarantine AS bad
WITH NO DATA;

-- name: stage_kept: one row per post that tells anything new; known: the post was there before; observed: a
-- snapshot of it was; touched: something of it changed
CREATE TEMP TABLE kept ON COMMIT DROP AS
SELECT
    *,
    NULL::TIMESTAMPTZ AS posted_at,
    NULL::TIMESTAMPTZ AS collected_at,
    FALSE AS known,
    FALSE AS observed,
    FALSE AS touched
FROM staged
WITH NO DATA;

-- name: stage_targets
CREATE TEMP TABLE targets ON COMMIT DROP AS
SELECT
    target_username AS username,
    NULL::TIMESTAMPTZ AS first_reply_at
FROM staged
WITH NO DATA;

-- name: stage_index: a bot's table may hold a post twice
CREATE UNIQUE INDEX ON kept (tweet_id);

-- name: analyze_staged
ANALYZE staged (tweet_id, reason);

-- name: drop_repeats: of repeats within the file the greatest observation stays
DELETE FROM staged WHERE ctid = any(array(
    SELECT ranked.place
    FROM (
        SELECT
            ctid AS place,
            row_number() OVER (
                PARTITION BY tweet_id
                ORDER BY
                    array_replace(ARRAY[
                        impressions, likes, engagements, bookmarks, shares, followers_gained, replies,
                        reposts, profile_clicks, detail_expands, url_clicks, hashtag_clicks, permalink_clicks
                    ], NULL, -1) DESC,
                    content DESC
            ) AS rank
        FROM staged
        WHERE
            tweet_id IN (
                SELECT repeats.tweet_id FROM staged AS repeats
                WHERE repeats.reason IS NULL
                GROUP BY repeats.tweet_id
                HAVING count(*) > 1
            )
    ) AS ranked
    WHERE ranked.rank > 1
));

-- name: keep: all but what stands there word for word, which most of a file does that is imported again
INSERT INTO kept
SELECT
    made.*,
    post.tweet_id IS NOT NULL,
    look.tweet_id IS NOT NULL
    OR EXISTS (SELECT FROM snapshots AS another WHERE another.tweet_id = made.tweet_id),
    FALSE
FROM (
    SELECT
        staged.*,
        to_timestamp(staged.posted_ms / 1000::DOUBLE PRECISION) AS posted_at,
        instant.collected_at
    FROM staged
    CROSS JOIN (
        SELECT
            coalesce(
                cast(:discovered_at AS TIMESTAMPTZ), to_timestamp(max(posted_ms) / 1000::DOUBLE PRECISION)
            ) AS collected_at
        FROM staged
        WHERE reason IS NULL
    ) AS instant
    WHERE staged.reason IS NULL
    -- the instant stays a column: a constant seems to pick a handful where there are no statistics
    OFFSET 0 -- noqa: AM09
) AS made
LEFT JOIN own_posts AS post ON made.tweet_id = post.tweet_id
LEFT JOIN snapshots AS look
    ON made.tweet_id = look.tweet_id AND made.collected_at = look.collected_at AND look.source = 'export'
WHERE
    (
        made.content,
        made.target_username IS NOT NULL AND post.target_username IS NULL,
        made.impressions, made.likes, made.engagements, made.bookmarks, made.shares, made.followers_gained,
        made.replies, made.reposts, made.profile_clicks, made.detail_expands, made.url_clicks,
        made.hashtag_clicks, made.permalink_clicks,
        TRUE
    ) IS DISTINCT FROM (
        post.content,
        FALSE,
        look.impressions, look.likes, look.engagements, look.bookmarks, look.shares, look.followers_gained,
        look.replies, look.reposts, look.profile_clicks, look.detail_expands, look.url_clicks,
        look.hashtag_clicks, look.permalink_clicks,
        look.tweet_id IS NOT NULL
    )
ON CONFLICT DO NOTHING;

-- name: analyze
ANALYZE kept (tweet_id, known, observed);

-- name: renew_derived: two exports that give one post different texts
WITH renewed AS (
    UPDATE own_posts AS content
    SET
        recorded_at = clock_timestamp(), -- it may come too late for a closed day
        content = kept.content,
        decision_type = kept.decision_type,
        target_username = kept.target_username,
        target_username_source = CASE WHEN kept.target_username IS NOT NULL THEN 'text' END,
        updated_at = now()
    FROM kept
    WHERE
        kept.known
        AND content.tweet_id = kept.tweet_id
        AND content.decision_id = kept.decision_id
        AND (content.content IS NULL OR kept.content > content.content)
    RETURNING content.tweet_id
)

UPDATE kept SET touched = TRUE FROM renewed WHERE kept.tweet_id = renewed.tweet_id;

-- name: complete_decisions: what a decision left open, as far as the post's text tells
WITH completed AS (
    UPDATE own_posts AS content
    SET
        recorded_at = clock_timestamp(), -- it may come too late for a closed day
        content = coalesce(content.content, kept.content),
        target_username = CASE
            WHEN content.target_username IS NULL AND content.decision_type = 'reply'
                THEN kept.target_username
            ELSE content.target_username
        END,
        target_username_source = CASE
            WHEN
                content.target_username IS NULL
                AND content.decision_type = 'reply'
                AND kept.target_username IS NOT NULL
                THEN 'text'
            ELSE content.target_username_source
        END,
        updated_at = now()
    FROM kept
    WHERE
        kept.known
        AND content.tweet_id = kept.tweet_id
        AND content.decision_id <> kept.decision_id
        AND (
            (content.content IS NULL AND kept.content IS NOT NULL)
            OR (
                content.target_username IS NULL
                AND content.decision_type = 'reply'
                AND kept.target_username IS NOT NULL
            )
        )
    RETURNING content.tweet_id
)

UPDATE kept SET touched = TRUE FROM completed WHERE kept.tweet_id = completed.tweet_id;

-- name: add_content: with what was measured, where this is the only observation
INSERT INTO own_posts (
    decision_id, decision_type, content, target_username, target_username_source, tweet_id, status,
    posted_at, actual_likes, actual_impressions, actual_engagement_rate
)
SELECT
    decision_id,
    decision_type,
    content,
    target_username,
    CASE WHEN target_username IS NOT NULL THEN 'text' END,
    tweet_id,
    'posted',
    posted_at,
    CASE WHEN NOT observed THEN likes END,
    CASE WHEN NOT observed THEN impressions END,
    CASE WHEN NOT observed THEN engagements::DOUBLE PRECISION / nullif(impressions, 0) END
FROM kept
WHERE NOT known;

-- name: raise_metrics: two exports of one instant
WITH raised AS (
    UPDATE exported_snapshots AS stored
    SET
        recorded_at = clock_timestamp(), -- it may come too late for a closed day
        impressions = kept.impressions,
        likes = kept.likes,
        engagements = kept.engagements,
        bookmarks = kept.bookmarks,
        shares = kept.shares,
        followers_gained = kept.followers_gained,
        replies = kept.replies,
        reposts = kept.reposts,
        profile_clicks = kept.profile_clicks,
        detail_expands = kept.detail_expands,
        url_clicks = kept.url_clicks,
        hashtag_clicks = kept.hashtag_clicks,
        permalink_clicks = kept.permalink_clicks
    FROM kept
    WHERE
        kept.observed
        AND stored.tweet_id = kept.tweet_id
        AND stored.collected_at = kept.collected_at
        AND stored.source = 'export'
        AND array_replace(ARRAY[
            kept.impressions, kept.likes, kept.engagements, kept.bookmarks, kept.shares,
            kept.followers_gained, kept.replies, kept.reposts, kept.profile_clicks, kept.detail_expands,
            kept.url_clicks, kept.hashtag_clicks, kept.permalink_clicks
        ], NULL, -1) > array_replace(ARRAY[
            stored.impressions, stored.likes, stored.engagements, stored.bookmarks, stored.shares,
            stored.followers_gained, stored.replies, stored.reposts, stored.profile_clicks,
            stored.detail_expands, stored.url_clicks, stored.hashtag_clicks, stored.permalink_clicks
        ], NULL, -1)
    RETURNING stored.tweet_id
)

UPDATE kept SET touched = TRUE FROM raised WHERE kept.tweet_id = raised.tweet_id;

-- name: add_metrics
WITH added AS (
    INSERT INTO exported_snapshots (
        tweet_id, collected_at, source, impressions, likes, engagements, bookmarks, shares,
        followers_gained, replies, reposts, profile_clicks, detail_expands, url_clicks,
        hashtag_clicks, permalink_clicks
    )
    SELECT
        tweet_id, collected_at, 'export', impressions, likes, engagements, bookmarks, shares,
        followers_gained, replies, reposts, profile_clicks, detail_expands, url_clicks,
        hashtag_clicks, permalink_clicks
    FROM kept
    WHERE
        NOT EXISTS (
            SELECT FROM snapshots AS stored
            WHERE
                stored.tweet_id = kept.tweet_id
                AND stored.collected_at = kept.collected_at
                AND stored.source = 'export'
        )
    RETURNING tweet_id
)

UPDATE kept SET touched = TRUE FROM added
WHERE (kept.known OR kept.observed) AND kept.tweet_id = added.tweet_id;

-- name: refresh_actuals: a post's numbers are those of its latest observation
UPDATE own_posts AS content
SET
    actual_likes = latest.likes,
    actual_impressions = latest.impressions,
    actual_engagement_rate = latest.engagements::DOUBLE PRECISION / nullif(latest.impressions, 0),
    updated_at = now()
FROM (
    SELECT DISTINCT ON (stored.tweet_id) stored.*
    FROM snapshots AS stored
    INNER JOIN kept ON stored.tweet_id = kept.tweet_id
    WHERE kept.touched AND (stored.impressions IS NOT NULL OR stored.likes IS NOT NULL)
    ORDER BY
        stored.tweet_id ASC,
        stored.collected_at DESC,
        stored.impressions DESC NULLS LAST,
        stored.likes DESC NULLS LAST,
        stored.engagements DESC NULLS LAST
) AS latest
WHERE
    content.tweet_id = latest.tweet_id
    AND (content.actual_likes, content.actual_impressions, content.actual_engagement_rate)
    IS DISTINCT FROM (
        latest.likes,
        latest.impressions,
        latest.engagements::DOUBLE PRECISION / nullif(latest.impressions, 0)
    );

-- name: see_targets: who was replied to, and when first
INSERT INTO targets
SELECT
    lower(target_username),
    to_timestamp(min(posted_ms) / 1000::DOUBLE PRECISION)
FROM staged
WHERE target_username IS NOT NULL
GROUP BY lower(target_username);

-- name: date_accounts: an account was found when it was first replied to, at the latest
UPDATE accounts AS account
SET discovered_at = target.first_reply_at
FROM targets AS target
WHERE lower(account.username) = target.username AND account.discovered_at > target.first_reply_at;

-- name: add_accounts: in lower case, since a text may spell a name in any way
INSERT INTO accounts (username, discovered_at)
SELECT
    username,
    first_reply_at
FROM targets
WHERE NOT EXISTS (SELECT FROM accounts AS account WHERE lower(account.username) = targets.username);

-- name: count
SELECT
    made.loaded,
    made.updated,
    staged.rows - made.loaded - made.updated AS unchanged,
    :loadable - staged.rows AS repeats,
    0 AS clashes,
    staged.oldest,
    staged.newest
FROM (
    SELECT
        count(*) FILTER (WHERE NOT known) AS loaded,
        count(*) FILTER (WHERE known AND touched) AS updated
    FROM kept
) AS made
CROSS JOIN (
    SELECT
        count(*) AS rows,
        to_timestamp(min(posted_ms) / 1000::DOUBLE PRECISION) AS oldest,
        to_timestamp(max(posted_ms) / 1000::DOUBLE PRECISION) AS newest
    FROM staged
    WHERE reason IS NULL
) AS staged;

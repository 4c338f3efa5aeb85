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
    content.posted_at,
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

-- name: stage_kept: one row per post; known: it was there before; touched: something of it changed
CREATE TEMP TABLE kept ON COMMIT DROP AS
SELECT
    *,
    ARRAY[0::BIGINT] AS rank,
    posted_at AS collected_at,
    FALSE AS known,
    FALSE AS touched
FROM staged
WITH NO DATA;

-- name: keep: of repeats within the file the greatest observation
INSERT INTO kept
WITH ranked AS (
    SELECT
        *,
        ARRAY[
            coalesce(impressions, -1),
            coalesce(likes, -1),
            coalesce(engagements, -1),
            coalesce(bookmarks, -1),
            coalesce(shares, -1),
            coalesce(followers_gained, -1),
            coalesce(replies, -1),
            coalesce(reposts, -1),
            coalesce(profile_clicks, -1),
            coalesce(detail_expands, -1),
            coalesce(url_clicks, -1),
            coalesce(hashtag_clicks, -1),
            coalesce(permalink_clicks, -1)
        ]::BIGINT[] AS rank
    FROM staged
    WHERE reason IS NULL
)

SELECT DISTINCT ON (post.tweet_id)
    post.*,
    coalesce(cast(:discovered_at AS TIMESTAMPTZ), max(post.posted_at) OVER ()),
    FALSE,
    FALSE
FROM ranked AS post
ORDER BY post.tweet_id ASC, post.rank DESC, post.content DESC;

-- name: index
CREATE UNIQUE INDEX ON kept (tweet_id);

-- name: analyze
ANALYZE kept;

-- name: mark_known
UPDATE kept SET known = TRUE
WHERE EXISTS (SELECT FROM own_posts AS stored WHERE stored.tweet_id = kept.tweet_id);

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
        content.tweet_id = kept.tweet_id
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
        content.tweet_id = kept.tweet_id
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

-- name: add_content
INSERT INTO own_posts (
    decision_id, decision_type, content, target_username, target_username_source, tweet_id, status,
    posted_at
)
SELECT
    decision_id,
    decision_type,
    content,
    target_username,
    CASE WHEN target_username IS NOT NULL THEN 'text' END,
    tweet_id,
    'posted',
    posted_at
FROM kept
WHERE NOT known;

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

UPDATE kept SET touched = TRUE FROM added WHERE kept.tweet_id = added.tweet_id;

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
        stored.tweet_id = kept.tweet_id
        AND stored.collected_at = kept.collected_at
        AND stored.source = 'export'
        AND kept.rank > ARRAY[
            coalesce(stored.impressions, -1),
            coalesce(stored.likes, -1),
            coalesce(stored.engagements, -1),
            coalesce(stored.bookmarks, -1),
            coalesce(stored.shares, -1),
            coalesce(stored.followers_gained, -1),
            coalesce(stored.replies, -1),
            coalesce(stored.reposts, -1),
            coalesce(stored.profile_clicks, -1),
            coalesce(stored.detail_expands, -1),
            coalesce(stored.url_clicks, -1),
            coalesce(stored.hashtag_clicks, -1),
            coalesce(stored.permalink_clicks, -1)
        ]::BIGINT[]
    RETURNING stored.tweet_id
)

UPDATE kept SET touched = TRUE FROM raised WHERE kept.tweet_id = raised.tweet_id;

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

-- name: date_accounts: an account was found when it was first replied to, at the latest
UPDATE accounts AS account
SET discovered_at = target.first_reply_at
FROM (
    SELECT
        lower(target_username) AS name,
        min(posted_at) AS first_reply_at
    FROM kept
    WHERE target_username IS NOT NULL
    GROUP BY lower(target_username)
) AS target
WHERE lower(account.username) = target.name AND account.discovered_at > target.first_reply_at;

-- name: add_accounts: in lower case, since a text may spell a name in any way
INSERT INTO accounts (username, discovered_at)
SELECT
    lower(kept.target_username),
    min(kept.posted_at)
FROM kept
WHERE
    kept.target_username IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM accounts AS account
        WHERE lower(account.username) = lower(kept.target_username)
    )
GROUP BY lower(kept.target_username);

-- name: count
SELECT
    count(*) FILTER (WHERE NOT known) AS loaded,
    count(*) FILTER (WHERE known AND touched) AS updated,
    count(*) FILTER (WHERE known AND NOT touched) AS unchanged,
    (SELECT count(*) FROM staged WHERE reason IS NULL) - count(*) AS repeats,
    0 AS clashes,
    min(posted_at) AS oldest,
    max(posted_at) AS newest
FROM kept;

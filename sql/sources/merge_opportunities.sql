-- Posts found in API v2 responses. Grain: one found_posts row per post, of its earliest
-- finding; one account_followers row per author and instant. Of two findings at one instant
-- the greater stands, so that the order in which files arrive does not matter.

-- name: stage
CREATE TEMP TABLE staged ON COMMIT DROP AS
SELECT
    bad.line,
    bad.reason,
    bad.id AS quarantine_id,
    bad.raw,
    post.tweet_id,
    post.tweet_text,
    post.target_username,
    post.author_follower_count,
    post.like_count,
    post.reply_count,
    post.repost_count,
    post.impression_count,
    post.lang,
    post.search_query,
    post.tweet_posted_at,
    post.discovered_at
FROM found_posts AS post, quarantine AS bad
WITH NO DATA;

-- name: stage_kept: one row per post; known: it was there before; touched: this finding replaced it
CREATE TEMP TABLE kept ON COMMIT DROP AS
SELECT
    *,
    ARRAY[0::BIGINT] AS rank,
    FALSE AS known,
    FALSE AS touched
FROM staged
WITH NO DATA;

-- name: stage_seen: one row per author, with the newest observation
CREATE TEMP TABLE seen ON COMMIT DROP AS
SELECT
    target_username AS username,
    target_username AS account,
    author_follower_count AS previous_count,
    discovered_at AS first_found_at
FROM staged
WITH NO DATA;

-- name: analyze_staged
ANALYZE staged;

-- name: date_findings: where a response does not say when it came, its newest post does
UPDATE staged SET discovered_at = cast(:newest AS TIMESTAMPTZ)
WHERE reason IS NULL AND discovered_at IS NULL;

-- name: keep: of repeats within the file the earliest finding
INSERT INTO kept
WITH ranked AS (
    SELECT
        *,
        ARRAY[
            coalesce(like_count, -1),
            coalesce(reply_count, -1),
            coalesce(repost_count, -1),
            coalesce(impression_count, -1),
            coalesce(author_follower_count, -1)
        ]::BIGINT[] AS rank
    FROM staged
    WHERE reason IS NULL
)

SELECT DISTINCT ON (post.tweet_id)
    post.*,
    FALSE,
    FALSE
FROM ranked AS post
ORDER BY
    post.tweet_id ASC,
    post.discovered_at ASC,
    post.rank DESC,
    coalesce(post.search_query, '') DESC,
    post.tweet_text DESC,
    post.target_username DESC;

-- name: index
CREATE UNIQUE INDEX ON kept (tweet_id);

-- name: analyze
ANALYZE kept;

-- name: mark_known
UPDATE kept SET known = TRUE
WHERE EXISTS (SELECT FROM found_posts AS stored WHERE stored.tweet_id = kept.tweet_id);

-- name: move_back: a finding that is earlier than the stored one
WITH earliest AS (
    SELECT DISTINCT ON (stored.tweet_id)
        stored.id AS place,
        stored.*
    FROM found_posts AS stored
    INNER JOIN kept ON stored.tweet_id = kept.tweet_id
    ORDER BY stored.tweet_id, stored.discovered_at NULLS LAST, stored.id
),

moved AS (
    UPDATE found_posts AS stored
    SET
        recorded_at = clock_timestamp(), -- it may come too late for a closed day
        tweet_text = kept.tweet_text,
        target_username = kept.target_username,
        author_follower_count = kept.author_follower_count,
        like_count = kept.like_count,
        reply_count = kept.reply_count,
        repost_count = kept.repost_count,
        impression_count = kept.impression_count,
        lang = kept.lang,
        search_query = kept.search_query,
        tweet_posted_at = kept.tweet_posted_at,
        posted_minutes_ago = greatest(
            floor(extract(EPOCH FROM kept.discovered_at - kept.tweet_posted_at) / 60), 0
        ),
        discovered_at = kept.discovered_at
    FROM earliest
    INNER JOIN kept ON earliest.tweet_id = kept.tweet_id
    WHERE
        stored.id = earliest.place
        AND (
            earliest.discovered_at IS NULL
            OR kept.discovered_at < earliest.discovered_at
            OR (
                kept.discovered_at = earliest.discovered_at
                AND (
                    kept.rank,
                    coalesce(kept.search_query, ''),
                    kept.tweet_text,
                    kept.target_username
                ) > (
                    ARRAY[
                        coalesce(earliest.like_count, -1),
                        coalesce(earliest.reply_count, -1),
                        coalesce(earliest.repost_count, -1),
                        coalesce(earliest.impression_count, -1),
                        coalesce(earliest.author_follower_count, -1)
                    ]::BIGINT[],
                    coalesce(earliest.search_query, ''),
                    coalesce(earliest.tweet_text, ''),
                    coalesce(earliest.target_username, '')
                )
            )
        )
    RETURNING stored.tweet_id
)

UPDATE kept SET touched = TRUE FROM moved WHERE kept.tweet_id = moved.tweet_id;

-- name: add_opportunities
INSERT INTO found_posts (
    tweet_id, tweet_text, target_username, author_follower_count, like_count, reply_count,
    repost_count, impression_count, lang, search_query, tweet_posted_at, posted_minutes_ago,
    discovered_at
)
SELECT
    tweet_id, tweet_text, target_username, author_follower_count, like_count, reply_count,
    repost_count, impression_count, lang, search_query, tweet_posted_at,
    greatest(floor(extract(EPOCH FROM discovered_at - tweet_posted_at) / 60), 0),
    discovered_at
FROM kept
WHERE NOT known;

-- name: see_accounts: with the follower count of the latest snapshot before this import
INSERT INTO seen
SELECT DISTINCT ON (lower(post.target_username))
    post.target_username,
    lower(post.target_username),
    (
        SELECT snapshot.follower_count
        FROM account_followers AS snapshot
        WHERE lower(snapshot.username) = lower(post.target_username)
        ORDER BY snapshot.collected_at DESC, snapshot.follower_count DESC
        LIMIT 1
    ),
    min(post.discovered_at) OVER (PARTITION BY lower(post.target_username))
FROM staged AS post
WHERE post.reason IS NULL
ORDER BY
    lower(post.target_username), post.discovered_at DESC, post.target_username ASC;

-- name: raise_snapshots: two responses of one instant
UPDATE account_followers AS snapshot
SET follower_count = latest.follower_count
FROM (
    SELECT
        lower(target_username) AS account,
        discovered_at,
        max(author_follower_count) AS follower_count
    FROM staged
    WHERE reason IS NULL
    GROUP BY lower(target_username), discovered_at
) AS latest
WHERE
    lower(snapshot.username) = latest.account
    AND snapshot.collected_at = latest.discovered_at
    AND latest.follower_count > coalesce(snapshot.follower_count, -1);

-- name: add_snapshots
INSERT INTO account_followers (username, collected_at, follower_count)
SELECT DISTINCT ON (lower(post.target_username), post.discovered_at)
    post.target_username,
    post.discovered_at,
    post.author_follower_count
FROM staged AS post
WHERE
    post.reason IS NULL
    AND post.author_follower_count IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM account_followers AS snapshot
        WHERE
            lower(snapshot.username) = lower(post.target_username)
            AND snapshot.collected_at = post.discovered_at
    )
ORDER BY
    lower(post.target_username),
    post.discovered_at ASC,
    post.author_follower_count DESC,
    post.target_username ASC;

-- name: add_accounts
INSERT INTO accounts (username, discovered_at)
SELECT
    username,
    first_found_at
FROM seen
WHERE NOT EXISTS (
    SELECT FROM accounts AS account WHERE lower(account.username) = seen.account
);

-- name: refresh_accounts: a count that somebody else wrote gives way to a later observation only
WITH latest AS (
    SELECT
        seen.account,
        seen.username,
        seen.first_found_at,
        seen.previous_count,
        snapshot.follower_count,
        snapshot.collected_at
    FROM seen
    LEFT JOIN LATERAL (
        SELECT
            newest.follower_count,
            newest.collected_at
        FROM account_followers AS newest
        WHERE lower(newest.username) = seen.account
        ORDER BY newest.collected_at DESC, newest.follower_count DESC
        LIMIT 1
    ) AS snapshot ON TRUE
),

fresh AS (
    SELECT
        account.id AS place,
        CASE
            WHEN account.username = lower(account.username) THEN latest.username
            ELSE account.username
        END AS username,
        CASE
            WHEN
                latest.follower_count IS NOT NULL
                AND (
                    account.follower_count IS NULL
                    OR account.follower_count = latest.previous_count
                    OR latest.collected_at > account.updated_at
                )
                THEN latest.follower_count
            ELSE account.follower_count
        END AS follower_count,
        least(account.discovered_at, latest.first_found_at) AS discovered_at
    FROM accounts AS account
    INNER JOIN latest ON lower(account.username) = latest.account
)

UPDATE accounts AS account
SET
    username = fresh.username,
    follower_count = fresh.follower_count,
    discovered_at = fresh.discovered_at,
    updated_at = now()
FROM fresh
WHERE
    account.id = fresh.place
    AND (account.username, account.follower_count, account.discovered_at)
    IS DISTINCT FROM (fresh.username, fresh.follower_count, fresh.discovered_at);

-- name: count
SELECT
    count(*) FILTER (WHERE NOT known) AS loaded,
    count(*) FILTER (WHERE known AND touched) AS updated,
    count(*) FILTER (WHERE known AND NOT touched) AS unchanged,
    (SELECT count(*) FROM staged WHERE reason IS NULL) - count(*) AS repeats,
    0 AS clashes,
    min(tweet_posted_at) AS oldest,
    max(tweet_posted_at) AS newest
FROM kept;

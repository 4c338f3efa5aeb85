-- What was loaded, by name: of the first `most` rows of a source and one more, how many count. Where
-- `looked_at` is more than `most`, there are more rows than were looked at.
WITH own AS MATERIALIZED (
    SELECT
        seen.is_posted,
        seen.decision_type
    FROM (SELECT is_posted, decision_type FROM own_posts LIMIT :most + 1) AS seen -- noqa: AM09
)

SELECT
    'opportunities' AS name,
    'found_posts' AS source,
    count(*) AS looked_at,
    count(*) AS counted
FROM (SELECT FROM found_posts LIMIT :most + 1) AS seen -- noqa: AM09
UNION ALL
SELECT
    'posts' AS name,
    'own_posts' AS source,
    count(*) AS looked_at,
    count(*) FILTER (WHERE is_posted) AS counted
FROM own
UNION ALL
SELECT
    'replies' AS name,
    'own_posts' AS source,
    count(*) AS looked_at,
    count(*) FILTER (WHERE is_posted AND decision_type = 'reply') AS counted
FROM own
UNION ALL
SELECT
    'snapshots' AS name,
    'snapshots' AS source,
    count(*) AS looked_at,
    count(*) AS counted
FROM (SELECT FROM snapshots LIMIT :most + 1) AS seen -- noqa: AM09
UNION ALL
SELECT
    'accounts' AS name,
    'accounts' AS source,
    count(*) AS looked_at,
    count(*) AS counted
FROM (SELECT FROM accounts LIMIT :most + 1) AS seen -- noqa: AM09
UNION ALL
SELECT
    'quarantined' AS name,
    'quarantine' AS source,
    count(*) AS looked_at,
    count(*) AS counted
FROM (SELECT FROM quarantine LIMIT :most + 1) AS seen -- noqa: AM09

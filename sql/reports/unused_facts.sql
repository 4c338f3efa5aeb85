-- What of the facts the loop cannot use: rows from before the history's start, counted up to `most` and one
-- more; and replies without an outcome among the newest `most` posts that are old enough to have one.
WITH old AS MATERIALIZED (
    SELECT
        decision_id::TEXT AS decision_id,
        posted_at,
        is_posted AND decision_type = 'reply' AS is_reply
    FROM own_posts
    WHERE posted_at >= :history_start AND posted_at < cast(:now AS TIMESTAMPTZ) - :horizon - :grace
    ORDER BY posted_at DESC
    LIMIT :most
)

SELECT
    (
        SELECT count(*)
        FROM (
            SELECT discovered_at AS at FROM found_posts
            WHERE discovered_at < :history_start
            UNION ALL
            SELECT posted_at AS at FROM own_posts
            WHERE posted_at < :history_start
            LIMIT :most + 1
        ) AS early
    ) AS before_history_start,
    (SELECT count(*) FROM old) AS old_posts,
    (
        SELECT count(*)
        FROM old
        WHERE
            is_reply
            AND NOT EXISTS (
                SELECT FROM reply_outcomes AS outcome
                WHERE
                    outcome.decision_id = old.decision_id
                    -- an outcome is never known before the reply is posted
                    AND outcome.day >= (SELECT (min(posted_at) AT TIME ZONE 'UTC')::DATE FROM old)
            )
    ) AS replies_without_outcome

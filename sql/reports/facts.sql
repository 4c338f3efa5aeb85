-- What was loaded, and what of it the loop cannot use.
SELECT
    (SELECT count(*) FROM found_posts) AS opportunities,
    (SELECT count(*) FROM own_posts WHERE is_posted) AS posts,
    (SELECT count(*) FROM own_posts WHERE is_posted AND decision_type = 'reply') AS replies,
    (SELECT count(*) FROM snapshots) AS snapshots,
    (SELECT count(*) FROM accounts) AS accounts,
    (SELECT count(*) FROM quarantine) AS quarantined,
    (
        SELECT count(*) FROM found_posts WHERE discovered_at < :history_start
    ) + (
        SELECT count(*) FROM own_posts WHERE posted_at < :history_start
    ) AS before_history_start,
    (
        SELECT count(*)
        FROM own_posts AS content
        WHERE
            content.is_posted
            AND content.decision_type = 'reply'
            AND content.posted_at >= :history_start
            AND content.posted_at < cast(:now AS TIMESTAMPTZ) - :horizon - :grace
            AND NOT EXISTS (
                SELECT FROM reply_outcomes AS outcome
                WHERE outcome.decision_id = content.decision_id::TEXT
            )
    ) AS replies_without_outcome

-- What was loaded, and what of it the loop cannot use.
SELECT
    (SELECT count(*) FROM reply_opportunities) AS opportunities,
    (SELECT count(*) FROM content_metadata WHERE status = 'posted') AS posts,
    (SELECT count(*) FROM content_metadata WHERE status = 'posted' AND decision_type = 'reply') AS replies,
    (SELECT count(*) FROM tweet_metrics) AS snapshots,
    (SELECT count(*) FROM discovered_accounts) AS accounts,
    (SELECT count(*) FROM quarantine) AS quarantined,
    (
        SELECT count(*) FROM reply_opportunities WHERE discovered_at < :history_start
    ) + (
        SELECT count(*) FROM content_metadata WHERE posted_at < :history_start
    ) AS before_history_start,
    (
        SELECT count(*)
        FROM content_metadata AS content
        WHERE
            content.status = 'posted'
            AND content.decision_type = 'reply'
            AND content.posted_at >= :history_start
            AND content.posted_at < cast(:now AS TIMESTAMPTZ) - :horizon - :grace
            AND NOT EXISTS (
                SELECT FROM reply_outcomes AS outcome
                WHERE outcome.decision_id = content.decision_id::TEXT
            )
    ) AS replies_without_outcome

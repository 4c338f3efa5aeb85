-- What a reply to an account brought on average at the latest look at one: the outcomes known in the days
-- before (30 by default), and the replies of these days that already brought much though they are not ripe.
CREATE OR REPLACE FUNCTION account_average(averaged_account TEXT) RETURNS NUMERIC
LANGUAGE sql STABLE AS $$
    WITH spans AS (
        SELECT
            coalesce((loop_setting('horizon_hours'))::INTEGER, 24) * INTERVAL '1 hour' AS horizon,
            coalesce((loop_setting('grace_hours'))::INTEGER, 24) * INTERVAL '1 hour' AS grace,
            coalesce((loop_setting('account_window_days'))::INTEGER, 30) * INTERVAL '1 day' AS lookback,
            (
                SELECT max(metrics.collected_at)
                FROM own_posts AS content
                INNER JOIN snapshots AS metrics ON content.tweet_id = metrics.tweet_id
                WHERE lower(content.target_username) = averaged_account
            ) AS latest
    ),

    ripe AS (
        SELECT outcome.tweet_id, outcome.followers_gained
        FROM spans
        CROSS JOIN LATERAL matured_outcomes(
            spans.latest - spans.lookback, spans.latest + INTERVAL '1 microsecond', spans.horizon, spans.grace
        ) AS outcome
        WHERE outcome.account = averaged_account AND outcome.followers_gained IS NOT NULL
    ),

    fresh AS (
        SELECT f.tweet_id, f.followers_gained
        FROM reply_feedback AS f
        CROSS JOIN spans
        WHERE
            f.account = averaged_account
            AND f.verdict = 'high'
            AND f.collected_at >= spans.latest - spans.lookback
            AND NOT EXISTS (SELECT FROM ripe WHERE ripe.tweet_id = f.tweet_id)
    )

    SELECT round(avg(everything.followers_gained), 2)
    FROM (SELECT * FROM ripe UNION ALL SELECT * FROM fresh) AS everything
$$;

-- A post's numbers are those of its latest observation. They are for display: what the bot's table does not
-- take of them is in quarantine, and what was told stands all the same.
CREATE OR REPLACE FUNCTION refresh_actuals(measured_tweet TEXT) RETURNS VOID
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE own_posts AS posted
    SET
        actual_likes = latest.likes,
        actual_impressions = latest.impressions,
        actual_engagement_rate = latest.rate,
        updated_at = clock_timestamp()
    FROM (
        SELECT m.likes, m.impressions, m.engagements::DOUBLE PRECISION / nullif(m.impressions, 0) AS rate
        FROM snapshots AS m
        WHERE m.tweet_id = measured_tweet AND (m.impressions IS NOT NULL OR m.likes IS NOT NULL)
        ORDER BY
            m.collected_at DESC, m.impressions DESC NULLS LAST, m.likes DESC NULLS LAST,
            m.engagements DESC NULLS LAST
        LIMIT 1
    ) AS latest
    WHERE
        posted.tweet_id = measured_tweet
        AND (posted.actual_likes, posted.actual_impressions, posted.actual_engagement_rate)
        IS DISTINCT FROM (latest.likes, latest.impressions, latest.rate);
EXCEPTION
    WHEN OTHERS THEN
        PERFORM keep_refused('actuals', SQLSTATE, SQLERRM, jsonb_build_object('tweet_id', measured_tweet));
END
$$;

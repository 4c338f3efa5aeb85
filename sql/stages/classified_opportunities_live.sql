-- Sets the seed's columns on the opportunities of a day: by the newest partition, or where they were
-- still empty, so that filling an old day never changes what the bot sees now. Each is looked up by its key:
-- nothing is known yet of how many a new day has, and a join might hold each one against all the others.
UPDATE found_posts AS opportunity
SET
    (engagement_tier, account_size_tier, timing_window, opportunity_score_v2) = (
        SELECT
            nullif(classified.slots ->> 'engagement_tier', 'unknown'),
            nullif(classified.slots ->> 'account_size', 'unknown'),
            nullif(classified.slots ->> 'timing_window', 'unknown'),
            classified.opportunity_score_v2
        FROM classified_opportunities AS classified
        WHERE classified.day = :day AND classified.opportunity_id = opportunity.id::TEXT
    )
WHERE
    opportunity.discovered_at >= :day_start
    AND opportunity.discovered_at < :as_of
    AND (
        :is_newest
        OR (
            opportunity.engagement_tier IS NULL
            AND opportunity.account_size_tier IS NULL
            AND opportunity.timing_window IS NULL
        )
    )
    AND EXISTS (
        SELECT FROM classified_opportunities AS classified
        WHERE
            classified.day = :day
            AND classified.opportunity_id = opportunity.id::TEXT
            AND (
                opportunity.engagement_tier,
                opportunity.account_size_tier,
                opportunity.timing_window,
                opportunity.opportunity_score_v2
            ) IS DISTINCT FROM (
                nullif(classified.slots ->> 'engagement_tier', 'unknown'),
                nullif(classified.slots ->> 'account_size', 'unknown'),
                nullif(classified.slots ->> 'timing_window', 'unknown'),
                classified.opportunity_score_v2
            )
        -- so it stays a look-up, and is never made a join
        OFFSET 0 -- noqa: AM09
    )

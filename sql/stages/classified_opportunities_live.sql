-- Sets the seed's columns on the opportunities of a day: by the newest partition, or where they were
-- still empty, so that filling an old day never changes what the bot sees now.
UPDATE found_posts AS opportunity
SET
    engagement_tier = nullif(classified.slots ->> 'engagement_tier', 'unknown'),
    account_size_tier = nullif(classified.slots ->> 'account_size', 'unknown'),
    timing_window = nullif(classified.slots ->> 'timing_window', 'unknown'),
    opportunity_score_v2 = classified.opportunity_score_v2
FROM classified_opportunities AS classified
WHERE
    classified.day = :day
    AND opportunity.discovered_at >= :day_start
    AND opportunity.discovered_at < :as_of
    AND opportunity.id::TEXT = classified.opportunity_id
    AND (
        :is_newest
        OR (
            opportunity.engagement_tier IS NULL
            AND opportunity.account_size_tier IS NULL
            AND opportunity.timing_window IS NULL
        )
    )
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

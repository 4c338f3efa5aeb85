-- Grain: one row per reply with a matured outcome, in the partition of the day it became known, with
-- everything the loop learns by. Keys: day, decision_id. What nobody recorded reads 'unknown'. What its
-- post was like is what was found when the post was classified, first of all, in the days of the window.
INSERT INTO reply_outcomes (
    day, as_of, decision_id, tweet_id, posted_at, collected_at, known_at, matured_by,
    account, target_tweet_id, slots, generator, format, posting_hour, experiment_id, experiment_variant,
    followers_gained, likes, impressions, profile_clicks, engagements, replies, reposts, bookmarks, shares,
    detail_expands, url_clicks, hashtag_clicks, permalink_clicks
)
SELECT
    :day,
    :as_of,
    outcome.decision_id,
    outcome.tweet_id,
    outcome.posted_at,
    outcome.collected_at,
    outcome.known_at,
    outcome.matured_by,
    coalesce(left(outcome.account, 200), 'unknown'),
    content.target_tweet_id,
    coalesce(
        opportunity.slots,
        (SELECT jsonb_object_agg(known.name, 'unknown') FROM dimensions AS known WHERE known.is_slot)
    ),
    coalesce(left(content.generator_name, 200), 'unknown'),
    coalesce(left(content.format, 200), 'unknown'),
    to_char(outcome.posted_at AT TIME ZONE 'UTC', 'HH24'),
    CASE WHEN content.experiment_id::TEXT ~ '^[0-9A-Fa-f-]{36}$' THEN content.experiment_id::TEXT::UUID END,
    left(content.experiment_variant, 200),
    outcome.followers_gained, outcome.likes, outcome.impressions, outcome.profile_clicks, outcome.engagements,
    outcome.replies, outcome.reposts, outcome.bookmarks, outcome.shares, outcome.detail_expands,
    outcome.url_clicks, outcome.hashtag_clicks, outcome.permalink_clicks
FROM matured_outcomes(:day_start, :as_of, :horizon, :grace) AS outcome
INNER JOIN own_posts AS content ON outcome.decision_id = content.decision_id::TEXT
LEFT JOIN LATERAL (
    SELECT found.slots
    FROM classified_opportunities AS found
    WHERE found.tweet_id = content.target_tweet_id AND found.day BETWEEN :first_day AND :day
    ORDER BY found.discovered_at ASC, found.slots ASC
    LIMIT 1
) AS opportunity ON TRUE
WHERE lower(outcome.decision_type) = 'reply'

-- Grain: one row per reply with a matured outcome, in the partition of the day it became known, with
-- everything the loop learns by. Keys: day, decision_id. What nobody recorded reads 'unknown'.
INSERT INTO reply_outcomes (
    day, as_of, decision_id, tweet_id, posted_at, collected_at, known_at, matured_by,
    account, target_tweet_id, engagement_tier, account_size, timing_window, generator, format,
    posting_hour, search_query, experiment_id, experiment_variant,
    followers_gained, likes, impressions, profile_clicks
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
    coalesce(engagement_tier(opportunity.like_count), 'unknown'),
    coalesce(
        account_size_tier(
            coalesce(opportunity.author_follower_count, seen.follower_count, account.follower_count)
        ), 'unknown'
    ),
    coalesce(timing_window(opportunity.posted_minutes_ago), 'unknown'),
    coalesce(left(content.generator_name, 200), 'unknown'),
    coalesce(left(content.format, 200), 'unknown'),
    to_char(outcome.posted_at AT TIME ZONE 'UTC', 'HH24'),
    coalesce(left(opportunity.search_query, 500), 'unknown'),
    CASE WHEN content.experiment_id::TEXT ~ '^[0-9A-Fa-f-]{36}$' THEN content.experiment_id::TEXT::UUID END,
    left(content.experiment_variant, 200),
    outcome.followers_gained,
    outcome.likes,
    outcome.impressions,
    outcome.profile_clicks
FROM matured_outcomes(:day_start, :as_of, :horizon, :grace) AS outcome
INNER JOIN content_metadata AS content ON outcome.decision_id = content.decision_id::TEXT
LEFT JOIN LATERAL (
    SELECT found.like_count, found.author_follower_count, found.posted_minutes_ago, found.search_query
    FROM reply_opportunities AS found
    WHERE found.tweet_id = content.target_tweet_id AND found.discovered_at < :as_of
    ORDER BY
        found.discovered_at ASC,
        found.like_count DESC NULLS LAST,
        found.author_follower_count DESC NULLS LAST,
        found.posted_minutes_ago ASC NULLS LAST,
        found.search_query ASC NULLS LAST
    LIMIT 1
) AS opportunity ON TRUE
LEFT JOIN LATERAL (
    SELECT max(known.follower_count) AS follower_count
    FROM discovered_accounts AS known
    WHERE lower(known.username) = outcome.account
) AS account ON TRUE
LEFT JOIN LATERAL (
    SELECT snapshot.follower_count
    FROM account_follower_snapshots AS snapshot
    WHERE lower(snapshot.username) = outcome.account AND snapshot.collected_at < :as_of
    ORDER BY snapshot.collected_at DESC, snapshot.follower_count DESC
    LIMIT 1
) AS seen ON TRUE
WHERE lower(outcome.decision_type) = 'reply'

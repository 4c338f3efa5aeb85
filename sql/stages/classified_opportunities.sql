-- Grain: one row per opportunity, in the partition of the day it was found. Keys: day, opportunity_id.
-- The author boost averages the ripe outcomes known in the window (30 days) before the as-of, from facts.
INSERT INTO classified_opportunities (
    day, as_of, opportunity_id, tweet_id, target_username, discovered_at, slots, author_avg_followers,
    opportunity_score_v2
)
WITH found AS (
    SELECT
        opportunity.id::TEXT AS opportunity_id,
        opportunity.tweet_id,
        opportunity.target_username,
        lower(opportunity.target_username) AS account,
        opportunity.discovered_at,
        opportunity.like_count,
        opportunity.reply_count,
        opportunity.posted_minutes_ago,
        opportunity.search_query,
        coalesce(
            opportunity.author_follower_count, seen.follower_count, account.follower_count
        ) AS follower_count
    FROM found_posts AS opportunity
    LEFT JOIN LATERAL (
        SELECT max(known.follower_count) AS follower_count
        FROM accounts AS known
        WHERE lower(known.username) = lower(opportunity.target_username)
    ) AS account ON TRUE
    LEFT JOIN LATERAL (
        SELECT snapshot.follower_count
        FROM account_followers AS snapshot
        WHERE
            lower(snapshot.username) = lower(opportunity.target_username)
            AND snapshot.collected_at < :as_of
        ORDER BY snapshot.collected_at DESC, snapshot.follower_count DESC
        LIMIT 1
    ) AS seen ON TRUE
    WHERE opportunity.discovered_at >= :day_start AND opportunity.discovered_at < :as_of
),

authors AS (
    SELECT
        outcome.account,
        (sum(outcome.followers_gained) / count(outcome.followers_gained))::DOUBLE PRECISION AS avg_followers
    FROM matured_outcomes(:as_of - :boost_window, :as_of, :horizon, :grace) AS outcome
    WHERE outcome.account IN (SELECT found.account FROM found) AND outcome.followers_gained IS NOT NULL
    GROUP BY outcome.account
)

SELECT
    :day,
    :as_of,
    found.opportunity_id,
    found.tweet_id,
    found.target_username,
    found.discovered_at,
    opportunity_slots(found.like_count, found.follower_count, found.posted_minutes_ago, found.search_query),
    authors.avg_followers,
    opportunity_score(found.like_count, authors.avg_followers, found.posted_minutes_ago, found.reply_count)
FROM found
LEFT JOIN authors ON found.account = authors.account

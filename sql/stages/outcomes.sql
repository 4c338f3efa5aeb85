-- Grain: one row per piece of content, in the partition of the day its outcome became known.
INSERT INTO outcomes (
    decision_id, decision_type, tweet_id, posted_at, collected_at, known_at, matured_by,
    followers_gained, likes, impressions, profile_clicks, engagements, replies, reposts, bookmarks, shares,
    detail_expands, url_clicks, hashtag_clicks, permalink_clicks
)
SELECT
    decision_id, decision_type, tweet_id, posted_at, collected_at, known_at, matured_by,
    followers_gained, likes, impressions, profile_clicks, engagements, replies, reposts, bookmarks, shares,
    detail_expands, url_clicks, hashtag_clicks, permalink_clicks
FROM matured_outcomes(:day_start, :as_of, :horizon, :grace)

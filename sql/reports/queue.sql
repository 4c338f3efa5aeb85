-- The best of the queue, as a bot that peeks sees it.
SELECT
    tweet_id,
    target_username,
    tweet_text,
    engagement_tier,
    account_size,
    timing_window,
    score::DOUBLE PRECISION AS score,
    likely_generator,
    predicted_followers,
    reason
FROM peek_queue(:most, :now)

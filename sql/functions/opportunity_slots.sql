-- What a post is like before anybody replies to it, by dimension: the slots that the queue draws among and
-- that a reply to it is counted under. What nobody recorded reads 'unknown'.
CREATE OR REPLACE FUNCTION opportunity_slots(
    like_count BIGINT, follower_count BIGINT, age_minutes BIGINT, search_query TEXT
) RETURNS JSONB
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'timing_window', coalesce(timing_window(age_minutes), 'unknown'),
        'engagement_tier', coalesce(engagement_tier(like_count), 'unknown'),
        'account_size', coalesce(account_size_tier(follower_count), 'unknown'),
        'search_query', coalesce(left(search_query, 500), 'unknown')
    )
$$;

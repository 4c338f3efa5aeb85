-- The seed's tiers and score (Phase 1.2 and 2.2), for the stages and for any bot that wants to rate
-- a post the moment it finds one. Unknown in, unknown out; a negative count is read as 0.

CREATE OR REPLACE FUNCTION engagement_tier(like_count BIGINT) RETURNS TEXT
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN like_count >= 100000 THEN '100K+'
        WHEN like_count >= 50000 THEN '50K-100K'
        WHEN like_count >= 25000 THEN '25K-50K'
        WHEN like_count >= 10000 THEN '10K-25K'
        WHEN like_count >= 5000 THEN '5K-10K'
        WHEN like_count IS NOT NULL THEN '<5K'
    END
$$;

CREATE OR REPLACE FUNCTION account_size_tier(follower_count BIGINT) RETURNS TEXT
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN follower_count >= 1000000 THEN '1M+'
        WHEN follower_count >= 500000 THEN '500K-1M'
        WHEN follower_count >= 100000 THEN '100K-500K'
        WHEN follower_count IS NOT NULL THEN '<100K'
    END
$$;

CREATE OR REPLACE FUNCTION timing_window(posted_minutes_ago BIGINT) RETURNS TEXT
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN posted_minutes_ago < 120 THEN '<2h'
        WHEN posted_minutes_ago < 360 THEN '2-6h'
        WHEN posted_minutes_ago < 1440 THEN '6-24h'
        WHEN posted_minutes_ago IS NOT NULL THEN '24h+'
    END
$$;

-- Points: up to 50 for likes, 30 for an author who brought followers, 20 for a fresh post, less up
-- to 20 for a crowd of replies; an unknown part gives and takes nothing.
CREATE OR REPLACE FUNCTION opportunity_score(
    like_count BIGINT, author_avg_followers DOUBLE PRECISION, posted_minutes_ago BIGINT, reply_count BIGINT
) RETURNS NUMERIC
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT trim_scale(greatest(
        0,
        least(greatest(coalesce(like_count, 0), 0) / 2000.0, 50)
        + CASE
            WHEN author_avg_followers >= 15 THEN 30
            WHEN author_avg_followers >= 10 THEN 20
            WHEN author_avg_followers >= 5 THEN 10
            ELSE 0
        END
        + CASE
            WHEN posted_minutes_ago < 120 THEN 20
            WHEN posted_minutes_ago < 360 THEN 10
            WHEN posted_minutes_ago < 1440 THEN 5
            ELSE 0
        END
        - CASE
            WHEN reply_count > 500 THEN 20
            WHEN reply_count > 200 THEN 10
            WHEN reply_count > 100 THEN 5
            ELSE 0
        END
    ))
$$;

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

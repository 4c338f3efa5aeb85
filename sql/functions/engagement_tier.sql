-- How many liked the post, as the tier it is in (seed, Phase 1.2); of an unknown count, nothing.
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

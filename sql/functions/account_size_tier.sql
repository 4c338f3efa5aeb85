-- How many follow its author, as the tier (seed, Phase 1.2).
CREATE OR REPLACE FUNCTION account_size_tier(follower_count BIGINT) RETURNS TEXT
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN follower_count >= 1000000 THEN '1M+'
        WHEN follower_count >= 500000 THEN '500K-1M'
        WHEN follower_count >= 100000 THEN '100K-500K'
        WHEN follower_count IS NOT NULL THEN '<100K'
    END
$$;

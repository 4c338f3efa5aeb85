-- How old the post was, as the window (seed, Phase 1.2).
CREATE OR REPLACE FUNCTION timing_window(posted_minutes_ago BIGINT) RETURNS TEXT
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN posted_minutes_ago < 120 THEN '<2h'
        WHEN posted_minutes_ago < 360 THEN '2-6h'
        WHEN posted_minutes_ago < 1440 THEN '6-24h'
        WHEN posted_minutes_ago IS NOT NULL THEN '24h+'
    END
$$;

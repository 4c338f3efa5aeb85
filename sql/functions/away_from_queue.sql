-- Whose posts may not be taken at an instant: who was answered a short while ago, who has a post leased.
CREATE OR REPLACE FUNCTION away_from_queue(at TIMESTAMPTZ) RETURNS TABLE (account TEXT)
LANGUAGE sql STABLE AS $$
    SELECT lower(own.target_username)
    FROM own_posts AS own
    WHERE
        own.posted_at > (
            SELECT at - coalesce((loop_setting('author_cooldown_hours'))::INTEGER, 24) * INTERVAL '1 hour'
        )
        AND own.target_username IS NOT NULL
    UNION
    SELECT claim.account
    FROM opportunity_claims AS claim
    WHERE claim.lease_until > at AND claim.account IS NOT NULL
$$;

-- Why a post stands where it does, in words.
CREATE OR REPLACE FUNCTION explain_opportunity(score NUMERIC, slots JSONB, account TEXT)
RETURNS TEXT
LANGUAGE sql STABLE AS $$
    SELECT format(
        'Score %s: %s likes, %s old', round(score, 1), slots ->> 'engagement_tier', slots ->> 'timing_window'
    ) || coalesce(
        (
            SELECT format(
                ', replies to this account brought %s followers each',
                round(max(known.avg_followers_per_reply)::NUMERIC, 1)
            )
            FROM accounts AS known
            WHERE lower(known.username) = explain_opportunity.account AND known.avg_followers_per_reply > 0
            HAVING count(*) > 0
        ), ''
    ) || '.'
$$;

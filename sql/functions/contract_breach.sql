-- Why a post cannot be taken, NULL if it can.
CREATE OR REPLACE FUNCTION contract_breach(
    tweet_id TEXT, username TEXT, counts BIGINT[], happened_at TIMESTAMPTZ, of_what TEXT
) RETURNS TEXT
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN coalesce(tweet_id !~ '^[0-9]{1,20}$', TRUE) THEN 'tweet_id is no post id'
        WHEN username !~ '^[A-Za-z0-9_]{1,15}$' THEN 'target_username is no user name'
        WHEN EXISTS (SELECT FROM unnest(counts) AS y WHERE y < 0 OR y > 2147483647) THEN 'a count is out of range'
        WHEN happened_at IS NULL THEN of_what || ' is missing'
        WHEN
            happened_at < TIMESTAMPTZ '2006-01-01 00:00:00+00'
            OR happened_at >= TIMESTAMPTZ '2100-01-01 00:00:00+00'
            THEN of_what || ' is out of range'
    END
$$;

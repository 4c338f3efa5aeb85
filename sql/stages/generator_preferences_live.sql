-- Moves the live preferences forward as a whole, never back: a distribution is replaced by the newest
-- one of its account, and what the newest window no longer holds is gone.
WITH newest AS (
    SELECT * FROM generator_preferences_history
    WHERE day = :day AND NOT EXISTS (SELECT FROM generator_preferences AS later WHERE later.as_of > :as_of)
),

moved AS (
    INSERT INTO generator_preferences (
        account, generator_name, as_of, probability, expected_followers, mean_followers,
        confidence_score, sample_size, band, reason
    )
    SELECT
        account, generator_name, as_of, probability, expected_followers, mean_followers,
        confidence_score, sample_size, band, reason
    FROM newest
    ON CONFLICT (account, generator_name) DO UPDATE SET
        as_of = excluded.as_of,
        probability = excluded.probability,
        expected_followers = excluded.expected_followers,
        mean_followers = excluded.mean_followers,
        confidence_score = excluded.confidence_score,
        sample_size = excluded.sample_size,
        band = excluded.band,
        reason = excluded.reason
)

DELETE FROM generator_preferences AS live
WHERE
    live.as_of <= :as_of
    AND NOT EXISTS (SELECT FROM generator_preferences AS later WHERE later.as_of > :as_of)
    AND NOT EXISTS (
        SELECT FROM newest
        WHERE newest.account = live.account AND newest.generator_name = live.generator_name
    )

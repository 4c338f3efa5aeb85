-- The shares of a dimension over the values that the queue holds: renormalised, and a part (a tenth by
-- default) over those that the allocation does not know, or no longer (paused without a share). An arm
-- that it holds at no share otherwise, as a rejected one, is never drawn.
CREATE OR REPLACE FUNCTION available_shares(dimension TEXT, held TEXT[])
RETURNS TABLE (arms TEXT[], probabilities DOUBLE PRECISION[], known_as_of TIMESTAMPTZ)
LANGUAGE sql STABLE AS $$
    WITH shares AS (
        SELECT
            held_arm.name, live.known_as_of, live.p AS share
        FROM unnest(held) AS held_arm (name)
        CROSS JOIN LATERAL (
            SELECT
                sum(arm.probability) FILTER (WHERE arm.probability > 0 AND arm.probability < 'Infinity') AS p,
                max(arm.as_of) AS known_as_of,
                bool_or(arm.probability = 0 AND arm.status IS DISTINCT FROM 'paused') AS is_out
            FROM strategy_allocation AS arm
            WHERE arm.strategy_type = dimension AND arm.strategy_name = held_arm.name
        ) AS live
        WHERE live.p > 0 OR NOT coalesce(live.is_out, FALSE)
    ),

    sums AS (
        SELECT
            sum(shares.share) AS known,
            count(*) FILTER (WHERE shares.share IS NULL) AS strangers,
            coalesce((loop_setting('stranger_share'))::DOUBLE PRECISION, 0.1) AS for_strangers
        FROM shares
    )

    SELECT
        array_agg(shares.name ORDER BY shares.name COLLATE "C"),
        array_agg(
            CASE
                WHEN shares.share IS NULL THEN sums.for_strangers / sums.strangers
                WHEN sums.strangers > 0 THEN (1 - sums.for_strangers) * shares.share / sums.known
                ELSE shares.share / sums.known
            END
            ORDER BY shares.name COLLATE "C"
        ),
        max(shares.known_as_of)
    FROM shares
    CROSS JOIN sums
    HAVING bool_or(shares.share IS NOT NULL)
$$;

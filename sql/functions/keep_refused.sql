-- Keeps what the bot's own table did not take: a rule or a trigger of its own refused it. What passes by
-- itself (a deadlock, a server that stops) is raised again: to tell it once more is all it needs.
CREATE OR REPLACE FUNCTION keep_refused(origin TEXT, state TEXT, why TEXT, raw JSONB) RETURNS JSONB
LANGUAGE plpgsql AS $$
BEGIN
    IF left(state, 2) IN ('08', '25', '40', '53', '57', '58', 'XX') OR state IN ('55P03', '55006') THEN
        RAISE EXCEPTION USING ERRCODE = state, MESSAGE = why;
    END IF;
    RETURN keep_in_quarantine(origin, why, raw);
END
$$;

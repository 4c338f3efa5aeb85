-- Keeps what broke its contract, once, with the reason.
CREATE OR REPLACE FUNCTION keep_in_quarantine(origin TEXT, why TEXT, raw JSONB) RETURNS JSONB
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO quarantine (id, source, line, reason, raw)
    VALUES (
        encode(sha256(convert_to(origin || chr(31) || raw::TEXT, 'UTF8')), 'hex'), origin, 0, why, left(raw::TEXT, 8192)
    )
    ON CONFLICT DO NOTHING;
    RETURN jsonb_build_object('status', 'quarantined', 'reason', why);
END
$$;

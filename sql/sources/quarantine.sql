-- Rows of a file that broke their contract. Grain: one row per source kind, line and content.

-- name: quarantine
INSERT INTO quarantine (id, source, line, reason, raw)
SELECT DISTINCT ON (quarantine_id)
    quarantine_id,
    :source,
    line,
    reason,
    raw
FROM staged
WHERE reason IS NOT NULL
ON CONFLICT (id) DO NOTHING;

-- A message of at most 10000 characters: a longer one loses its middle, for a traceback tells at its end.
-- The line between the ends is known to learning/incidents/telling.py.
CREATE OR REPLACE FUNCTION both_ends(message TEXT) RETURNS TEXT
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN length(message) > 10000 THEN left(message, 4990) || E'\n[...]\n' || right(message, 4990)
        ELSE message
    END
$$;

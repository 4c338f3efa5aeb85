-- How bad it is: info, warning, error or critical. A word that nobody knows is an error; of nothing, nothing.
CREATE OR REPLACE FUNCTION severity_level(told TEXT) RETURNS TEXT
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE lower(btrim(told, E' \t\r\n'))
        WHEN '' THEN NULL
        WHEN 'trace' THEN 'info'
        WHEN 'debug' THEN 'info'
        WHEN 'verbose' THEN 'info'
        WHEN 'log' THEN 'info'
        WHEN 'info' THEN 'info'
        WHEN 'notice' THEN 'info'
        WHEN 'success' THEN 'info'
        WHEN 'ok' THEN 'info'
        WHEN 'warn' THEN 'warning'
        WHEN 'warning' THEN 'warning'
        WHEN 'crit' THEN 'critical'
        WHEN 'critical' THEN 'critical'
        WHEN 'fatal' THEN 'critical'
        WHEN 'panic' THEN 'critical'
        WHEN 'alert' THEN 'critical'
        WHEN 'emergency' THEN 'critical'
        ELSE CASE WHEN told IS NOT NULL THEN 'error' END
    END
$$;

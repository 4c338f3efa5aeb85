-- One setting of the loop, as published by the command.
CREATE OR REPLACE FUNCTION loop_setting(name TEXT) RETURNS JSONB
LANGUAGE sql STABLE AS $$
    SELECT loop_settings.settings -> name FROM loop_settings
$$;

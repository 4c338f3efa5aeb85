-- A new id, in the form of a UUID of version 4. From random() and not gen_random_uuid(), as what is drawn
-- for a decision hangs on its id, and a simulation that says setseed() must get the same life again.
CREATE OR REPLACE FUNCTION random_id() RETURNS TEXT
LANGUAGE sql VOLATILE AS $$
    SELECT overlay(overlay(md5(random()::TEXT || random()::TEXT) PLACING '4' FROM 13) PLACING '8' FROM 17)::UUID::TEXT
$$;

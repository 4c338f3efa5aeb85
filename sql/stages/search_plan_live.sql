-- Makes room in the live plan for a newer one, which replaces it as a whole; says whether there is room.
WITH ahead AS (
    SELECT count(*) AS queries FROM search_plan WHERE as_of > :as_of
),

cleared AS (
    DELETE FROM search_plan WHERE (SELECT ahead.queries FROM ahead) = 0
)

SELECT queries = 0 AS has_room FROM ahead

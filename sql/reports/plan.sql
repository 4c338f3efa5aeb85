-- The live search plan, best first; where there is none, the newest of the history.
WITH plans AS (
    SELECT
        'live' AS source, as_of, position, label, priority, min_likes, is_exploration, budget_share,
        web_query, api_query, reason
    FROM search_plan
    UNION ALL
    SELECT
        'history' AS source, as_of, position, label, priority, min_likes, is_exploration, budget_share,
        web_query, api_query, reason
    FROM search_plan_history
    WHERE
        day = (SELECT max(day) FROM search_plan_history)
        AND NOT EXISTS (SELECT FROM search_plan)
)

SELECT * FROM plans
ORDER BY position

-- The live search plan, best first.
CREATE OR REPLACE FUNCTION read_search_plan()
RETURNS TABLE (
    "position" INTEGER, label TEXT, priority INTEGER, min_likes INTEGER, is_exploration BOOLEAN,
    budget_share DOUBLE PRECISION, web_query TEXT, api_query TEXT, reason TEXT, as_of TIMESTAMPTZ
)
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT
        plan.position, plan.label, plan.priority, plan.min_likes, plan.is_exploration, plan.budget_share,
        plan.web_query, plan.api_query, plan.reason, plan.as_of
    FROM search_plan AS plan
    ORDER BY plan.position
$$;

-- How many of the posts found may be answered now, and how many a bot holds.
SELECT
    (SELECT count(*) FROM found_posts) AS found,
    (SELECT max(discovered_at) FROM found_posts) AS newest_found_at,
    (SELECT count(*) FROM opportunity_claims WHERE lease_until > :now) AS claimed,
    count(*) AS waiting,
    count(DISTINCT account) AS authors
FROM open_opportunities(:now)

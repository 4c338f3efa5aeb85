-- A bot in plain SQL, as a session of psql:
--
--     psql postgresql://my_bot:…@host/replyloop -f bot.sql
--
-- What is in quotes is what your bot finds, writes and measures. Nothing here posts to X.

\set ON_ERROR_STOP on

\echo What to search for:
SELECT position, budget_share, api_query FROM replyloop.read_search_plan();

\echo The posts found:
SELECT replyloop.record_opportunity(
    tweet_id => '1990000000000000001',
    target_username => 'NASA',
    like_count => 42000,
    reply_count => 130,
    posted_minutes_ago => 45,
    search_query => '(space OR health) -is:reply',
    tweet_text => 'We found water.'
);

\echo The next to answer:
-- one row of nulls where the queue is empty, as \gset wants a row
SELECT claim.*, claim.decision_id IS NOT NULL AS is_there
FROM (SELECT) AS always LEFT JOIN replyloop.claim_next(most => 1, claimed_by => 'bot.sql') AS claim ON TRUE \gset

\if :is_there
\echo :target_username: :reason
\set reply 'How did you tell it from ice?'

-- a person or a permitted account posts :reply; then
SELECT replyloop.record_reply(decision_id => :'decision_id', tweet_id => '1990000000000001001', content => :'reply');

\else
\echo nothing in the queue
\endif

\echo How the reply fares:
SELECT replyloop.record_metrics(
    tweet_id => '1990000000000001001',
    collected_at => now(),
    followers_gained => 3,
    likes => 12,
    impressions => 900,
    profile_clicks => 14
);

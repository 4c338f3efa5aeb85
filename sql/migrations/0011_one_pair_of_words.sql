-- A dimension and its value, by one pair of words; what a post is like stands in one column, and an
-- outcome holds every count of its snapshot: a new dimension or metric needs no column.
CREATE TABLE dimensions (
    name TEXT PRIMARY KEY,
    place INTEGER NOT NULL, -- of equally sure slots the first is drawn first
    is_slot BOOLEAN NOT NULL, -- of a post, drawn by the queue
    is_testable BOOLEAN NOT NULL -- chosen reply by reply, so an experiment may decide about it
);

ALTER TABLE strategy_allocation_history RENAME COLUMN strategy_type TO dimension;
ALTER TABLE strategy_allocation_history RENAME COLUMN strategy_name TO value;
ALTER TABLE policy_evaluation RENAME COLUMN strategy_type TO dimension;
ALTER TABLE optimization_weights RENAME COLUMN kind TO dimension;
ALTER TABLE optimization_weights RENAME COLUMN name TO value;
ALTER TABLE decision_ledger RENAME COLUMN family TO dimension;
ALTER TABLE experiments RENAME COLUMN strategy_type TO dimension;

ALTER TABLE classified_opportunities ADD COLUMN slots JSONB;
UPDATE classified_opportunities SET slots = jsonb_build_object(
    'engagement_tier', coalesce(engagement_tier, 'unknown'),
    'account_size', coalesce(account_size_tier, 'unknown'),
    'timing_window', coalesce(timing_window, 'unknown'),
    'search_query', 'unknown'
);
ALTER TABLE classified_opportunities
ALTER COLUMN slots SET NOT NULL,
DROP COLUMN engagement_tier,
DROP COLUMN account_size_tier,
DROP COLUMN timing_window;
-- a reply's target is looked up among the posts classified in the days before
CREATE INDEX idx_classified_opportunities_tweet ON classified_opportunities (tweet_id, day);

ALTER TABLE reply_outcomes ADD COLUMN slots JSONB;
UPDATE reply_outcomes SET slots = jsonb_build_object(
    'engagement_tier', engagement_tier,
    'account_size', account_size,
    'timing_window', timing_window,
    'search_query', search_query
);
ALTER TABLE reply_outcomes
ALTER COLUMN slots SET NOT NULL,
DROP COLUMN engagement_tier,
DROP COLUMN account_size,
DROP COLUMN timing_window,
DROP COLUMN search_query,
ADD COLUMN engagements BIGINT,
ADD COLUMN replies BIGINT,
ADD COLUMN reposts BIGINT,
ADD COLUMN bookmarks BIGINT,
ADD COLUMN shares BIGINT,
ADD COLUMN detail_expands BIGINT,
ADD COLUMN url_clicks BIGINT,
ADD COLUMN hashtag_clicks BIGINT,
ADD COLUMN permalink_clicks BIGINT;

ALTER TABLE outcomes
ADD COLUMN replies BIGINT,
ADD COLUMN reposts BIGINT,
ADD COLUMN bookmarks BIGINT,
ADD COLUMN shares BIGINT,
ADD COLUMN detail_expands BIGINT,
ADD COLUMN url_clicks BIGINT,
ADD COLUMN hashtag_clicks BIGINT,
ADD COLUMN permalink_clicks BIGINT;

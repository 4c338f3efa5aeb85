-- The tables a bot or an importer writes, in the bot's schema. A bot that already has them keeps every
-- row, column and type of its own: each table is created with its key alone, then given the columns it
-- lacks. What was there before has no recorded_at: a volatile default would rewrite the table, and no such
-- row is late.

CREATE TABLE IF NOT EXISTS reply_opportunities (id UUID PRIMARY KEY DEFAULT gen_random_uuid());
ALTER TABLE reply_opportunities
ADD COLUMN IF NOT EXISTS tweet_id TEXT,
ADD COLUMN IF NOT EXISTS tweet_text TEXT,
ADD COLUMN IF NOT EXISTS target_username TEXT,
ADD COLUMN IF NOT EXISTS author_follower_count BIGINT,
ADD COLUMN IF NOT EXISTS like_count BIGINT,
ADD COLUMN IF NOT EXISTS reply_count BIGINT,
ADD COLUMN IF NOT EXISTS repost_count BIGINT,
ADD COLUMN IF NOT EXISTS impression_count BIGINT,
ADD COLUMN IF NOT EXISTS lang TEXT,
ADD COLUMN IF NOT EXISTS search_query TEXT,
ADD COLUMN IF NOT EXISTS tweet_posted_at TIMESTAMPTZ,
ADD COLUMN IF NOT EXISTS posted_minutes_ago INTEGER,
ADD COLUMN IF NOT EXISTS discovered_at TIMESTAMPTZ DEFAULT now(),
ADD COLUMN IF NOT EXISTS recorded_at TIMESTAMPTZ,
-- the seed's, Phase 1
ADD COLUMN IF NOT EXISTS engagement_tier TEXT,
ADD COLUMN IF NOT EXISTS account_size_tier TEXT,
ADD COLUMN IF NOT EXISTS timing_window TEXT,
ADD COLUMN IF NOT EXISTS opportunity_score_v2 NUMERIC(10, 2) DEFAULT 0;
ALTER TABLE reply_opportunities ALTER COLUMN recorded_at SET DEFAULT clock_timestamp();
CREATE INDEX IF NOT EXISTS idx_reply_opportunities_tweet ON reply_opportunities (tweet_id);
CREATE INDEX IF NOT EXISTS idx_reply_opportunities_discovered ON reply_opportunities (discovered_at);
CREATE INDEX IF NOT EXISTS idx_reply_opportunities_recorded ON reply_opportunities (recorded_at);

CREATE TABLE IF NOT EXISTS discovered_accounts (id UUID PRIMARY KEY DEFAULT gen_random_uuid());
ALTER TABLE discovered_accounts
ADD COLUMN IF NOT EXISTS username TEXT,
ADD COLUMN IF NOT EXISTS follower_count BIGINT,
ADD COLUMN IF NOT EXISTS priority_score DOUBLE PRECISION DEFAULT 0.5,
ADD COLUMN IF NOT EXISTS high_priority BOOLEAN DEFAULT FALSE,
ADD COLUMN IF NOT EXISTS discovered_at TIMESTAMPTZ DEFAULT now(),
ADD COLUMN IF NOT EXISTS updated_at TIMESTAMPTZ DEFAULT now(),
-- the seed's, Phase 1
ADD COLUMN IF NOT EXISTS performance_tier TEXT,
ADD COLUMN IF NOT EXISTS avg_followers_per_reply NUMERIC(10, 2) DEFAULT 0,
ADD COLUMN IF NOT EXISTS last_success_at TIMESTAMPTZ,
-- from which an account's priority is folded
ADD COLUMN IF NOT EXISTS base_priority_score DOUBLE PRECISION,
ADD COLUMN IF NOT EXISTS base_last_success_at TIMESTAMPTZ;
CREATE INDEX IF NOT EXISTS idx_discovered_accounts_username ON discovered_accounts (lower(username));

CREATE TABLE IF NOT EXISTS content_metadata (decision_id TEXT PRIMARY KEY);
ALTER TABLE content_metadata
ADD COLUMN IF NOT EXISTS decision_type TEXT DEFAULT 'reply', -- single | thread | reply
ADD COLUMN IF NOT EXISTS content TEXT,
ADD COLUMN IF NOT EXISTS format TEXT,
ADD COLUMN IF NOT EXISTS generator_name TEXT,
ADD COLUMN IF NOT EXISTS target_username TEXT,
ADD COLUMN IF NOT EXISTS target_username_source TEXT, -- decision | text: read off a leading @name
ADD COLUMN IF NOT EXISTS target_tweet_id TEXT,
ADD COLUMN IF NOT EXISTS tweet_id TEXT,
ADD COLUMN IF NOT EXISTS status TEXT DEFAULT 'posted',
ADD COLUMN IF NOT EXISTS posted_at TIMESTAMPTZ,
ADD COLUMN IF NOT EXISTS experiment_id UUID,
ADD COLUMN IF NOT EXISTS experiment_variant TEXT, -- control | treatment
ADD COLUMN IF NOT EXISTS actual_likes BIGINT,
ADD COLUMN IF NOT EXISTS actual_impressions BIGINT,
ADD COLUMN IF NOT EXISTS actual_engagement_rate DOUBLE PRECISION,
ADD COLUMN IF NOT EXISTS updated_at TIMESTAMPTZ DEFAULT now(),
ADD COLUMN IF NOT EXISTS recorded_at TIMESTAMPTZ;
ALTER TABLE content_metadata ALTER COLUMN recorded_at SET DEFAULT clock_timestamp();
CREATE INDEX IF NOT EXISTS idx_content_metadata_posted ON content_metadata (posted_at);
CREATE INDEX IF NOT EXISTS idx_content_metadata_tweet ON content_metadata (tweet_id);
CREATE INDEX IF NOT EXISTS idx_content_metadata_target ON content_metadata (
    lower(target_username), posted_at
);
CREATE INDEX IF NOT EXISTS idx_content_metadata_target_tweet ON content_metadata (target_tweet_id);
CREATE INDEX IF NOT EXISTS idx_content_metadata_recorded ON content_metadata (recorded_at);

CREATE TABLE IF NOT EXISTS tweet_metrics (id UUID PRIMARY KEY DEFAULT gen_random_uuid());
ALTER TABLE tweet_metrics
ADD COLUMN IF NOT EXISTS tweet_id TEXT,
ADD COLUMN IF NOT EXISTS collected_at TIMESTAMPTZ DEFAULT now(),
-- bot | api | export: one look, taken when the export was made
ADD COLUMN IF NOT EXISTS source TEXT DEFAULT 'bot',
ADD COLUMN IF NOT EXISTS impressions BIGINT,
ADD COLUMN IF NOT EXISTS likes BIGINT,
ADD COLUMN IF NOT EXISTS replies BIGINT,
ADD COLUMN IF NOT EXISTS reposts BIGINT,
ADD COLUMN IF NOT EXISTS bookmarks BIGINT,
ADD COLUMN IF NOT EXISTS shares BIGINT,
ADD COLUMN IF NOT EXISTS engagements BIGINT,
ADD COLUMN IF NOT EXISTS followers_gained BIGINT,
ADD COLUMN IF NOT EXISTS profile_clicks BIGINT,
ADD COLUMN IF NOT EXISTS detail_expands BIGINT,
ADD COLUMN IF NOT EXISTS url_clicks BIGINT,
ADD COLUMN IF NOT EXISTS hashtag_clicks BIGINT,
ADD COLUMN IF NOT EXISTS permalink_clicks BIGINT,
ADD COLUMN IF NOT EXISTS recorded_at TIMESTAMPTZ;
ALTER TABLE tweet_metrics ALTER COLUMN recorded_at SET DEFAULT clock_timestamp();
CREATE INDEX IF NOT EXISTS idx_tweet_metrics_tweet ON tweet_metrics (tweet_id, collected_at);
CREATE INDEX IF NOT EXISTS idx_tweet_metrics_recorded ON tweet_metrics (recorded_at);
-- the newest snapshot of a day is looked up for each day of a window
CREATE INDEX IF NOT EXISTS idx_tweet_metrics_collected ON tweet_metrics (collected_at);

CREATE TABLE IF NOT EXISTS account_follower_snapshots (id UUID PRIMARY KEY DEFAULT gen_random_uuid());
ALTER TABLE account_follower_snapshots
ADD COLUMN IF NOT EXISTS username TEXT,
ADD COLUMN IF NOT EXISTS collected_at TIMESTAMPTZ DEFAULT now(),
ADD COLUMN IF NOT EXISTS follower_count BIGINT;
CREATE INDEX IF NOT EXISTS idx_account_follower_snapshots_account
ON account_follower_snapshots (lower(username), collected_at);

CREATE TABLE IF NOT EXISTS system_events (id UUID PRIMARY KEY DEFAULT gen_random_uuid());
ALTER TABLE system_events
ADD COLUMN IF NOT EXISTS event_type TEXT,
ADD COLUMN IF NOT EXISTS event_data JSONB,
ADD COLUMN IF NOT EXISTS severity TEXT DEFAULT 'info', -- info | warning | error | critical
ADD COLUMN IF NOT EXISTS created_at TIMESTAMPTZ DEFAULT now();
CREATE INDEX IF NOT EXISTS idx_system_events_type ON system_events (event_type, created_at);
CREATE INDEX IF NOT EXISTS idx_system_events_created ON system_events (created_at);
-- an error told twice is found by its id, of any length; an alert is told once
CREATE INDEX IF NOT EXISTS idx_system_events_error_id
ON system_events USING hash ((event_data ->> 'error_id'))
WHERE event_type = 'bot_error';
CREATE UNIQUE INDEX IF NOT EXISTS idx_system_events_alert ON system_events ((event_data ->> 'alert'))
WHERE event_type = 'replyloop_alert';

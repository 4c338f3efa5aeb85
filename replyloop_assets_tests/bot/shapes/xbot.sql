-- A bot that has run for a year on a schema of its own, rebuilt from the facts of a public one (jatenner/xBOT,
-- its migrations of October to December 2025); the rows are made up. Runs in the bot's schema.
CREATE TABLE content_metadata (
    id BIGSERIAL PRIMARY KEY,
    decision_id UUID NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    decision_type TEXT NOT NULL CHECK (decision_type IN ('single', 'thread', 'reply')),
    content TEXT NOT NULL,
    topic_cluster TEXT,
    quality_score NUMERIC(5, 4),
    generation_source TEXT NOT NULL CHECK (generation_source IN ('real', 'synthetic')),
    generator_name TEXT,
    style TEXT,
    status TEXT NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'posted', 'skipped', 'failed')),
    scheduled_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    posted_at TIMESTAMPTZ,
    target_tweet_id TEXT,
    target_username TEXT,
    features JSONB,
    experiment_id TEXT,
    experiment_arm TEXT,
    tweet_id TEXT,
    actual_likes INTEGER,
    actual_impressions INTEGER,
    actual_engagement_rate NUMERIC(5, 4),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX idx_content_tweet_id ON content_metadata (tweet_id) WHERE tweet_id IS NOT NULL;
CREATE FUNCTION touch() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN NEW.updated_at = now(); RETURN NEW; END';
CREATE TRIGGER touched BEFORE UPDATE ON content_metadata FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TABLE reply_opportunities (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    account_username TEXT NOT NULL,
    tweet_id TEXT UNIQUE NOT NULL,
    tweet_url TEXT NOT NULL,
    tweet_content TEXT NOT NULL,
    tweet_author TEXT NOT NULL,
    reply_count INTEGER DEFAULT 0,
    like_count INTEGER DEFAULT 0,
    posted_minutes_ago INTEGER DEFAULT 0,
    opportunity_score NUMERIC DEFAULT 0,
    status TEXT DEFAULT 'pending' CHECK (status IN ('pending', 'replied', 'expired', 'skipped')),
    discovered_at TIMESTAMPTZ DEFAULT now(),
    replied_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ DEFAULT now()
);
CREATE TABLE discovered_accounts (
    id BIGSERIAL PRIMARY KEY,
    username TEXT UNIQUE NOT NULL,
    follower_count INTEGER DEFAULT 0,
    discovery_method TEXT CHECK (discovery_method IN ('hashtag', 'network', 'content', 'follower_overlap')),
    discovery_date TIMESTAMP DEFAULT now(),
    quality_score INTEGER DEFAULT 0,
    last_updated TIMESTAMP DEFAULT now(),
    created_at TIMESTAMP DEFAULT now()
);
CREATE TABLE outcomes (
    id BIGSERIAL PRIMARY KEY,
    decision_id UUID NOT NULL REFERENCES content_metadata (decision_id),
    tweet_id TEXT NOT NULL,
    impressions BIGINT DEFAULT 0,
    likes BIGINT DEFAULT 0,
    retweets BIGINT DEFAULT 0,
    replies BIGINT DEFAULT 0,
    bookmarks BIGINT DEFAULT 0,
    simulated BOOLEAN NOT NULL DEFAULT FALSE,
    collected_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE TABLE system_events (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    event_type TEXT NOT NULL,
    event_data JSONB,
    severity TEXT CHECK (severity IN ('info', 'warning', 'error', 'critical')),
    created_at TIMESTAMPTZ DEFAULT now()
);
CREATE TABLE reply_performance_analytics (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    dimension_type TEXT NOT NULL,
    dimension_value TEXT NOT NULL,
    measurement_start TIMESTAMPTZ NOT NULL,
    measurement_end TIMESTAMPTZ NOT NULL
);

INSERT INTO discovered_accounts (username, follower_count, discovery_method, discovery_date)
SELECT 'author' || n, n * 40000, 'network', TIMESTAMP '2026-04-01' FROM generate_series(1, 20) AS n;
INSERT INTO reply_opportunities (
    account_username, tweet_id, tweet_url, tweet_content, tweet_author, reply_count, like_count,
    posted_minutes_ago, status, discovered_at
)
SELECT
    'author' || (1 + n % 20), (1900000000000000000 + n)::TEXT, 'https://x.com/i/status/' || n, 'A post', 'author' || (1 + n % 20),
    n % 300, 3000 + n * 211 % 90000, n % 400, (ARRAY['pending', 'replied', 'expired', 'skipped'])[1 + n % 4],
    TIMESTAMPTZ '2026-05-01 00:00Z' + n * INTERVAL '70 minutes'
FROM generate_series(1, 590) AS n;
INSERT INTO content_metadata (
    decision_id, decision_type, content, generation_source, generator_name, style, status, posted_at,
    target_tweet_id, target_username, experiment_id, experiment_arm, tweet_id
)
SELECT
    ('00000000-0000-4000-8000-' || lpad(n::TEXT, 12, '0'))::UUID,
    CASE WHEN n % 10 = 0 THEN 'single' ELSE 'reply' END, 'What it says', 'real',
    (ARRAY['ResearchSynthesizer', 'Contrarian'])[1 + n % 2], 'short',
    (ARRAY['posted', 'posted', 'posted', 'queued', 'skipped', 'failed'])[1 + n % 6],
    CASE WHEN n % 6 < 3 THEN TIMESTAMPTZ '2026-05-01 02:00Z' + n * INTERVAL '70 minutes' END,
    (1900000000000000000 + n)::TEXT, 'author' || (1 + n % 20), 'exp_' || n % 3, 'variant_a',
    CASE WHEN n % 6 < 3 THEN (1910000000000000000 + n)::TEXT END
FROM generate_series(1, 560) AS n;
INSERT INTO outcomes (decision_id, tweet_id, impressions, likes, collected_at)
SELECT own.decision_id, own.tweet_id, 400 + own.id % 700, own.id % 30, own.posted_at + age
FROM content_metadata AS own
CROSS JOIN unnest(ARRAY[INTERVAL '6 hours', INTERVAL '26 hours']) AS age
WHERE own.status = 'posted';

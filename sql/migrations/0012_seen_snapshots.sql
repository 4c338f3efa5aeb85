-- Snapshots that the bot's own table does not keep: it overwrote them, or refused them.
CREATE TABLE seen_snapshots (
    tweet_id TEXT NOT NULL,
    collected_at TIMESTAMPTZ NOT NULL,
    source TEXT NOT NULL DEFAULT 'bot',
    impressions BIGINT,
    likes BIGINT,
    replies BIGINT,
    reposts BIGINT,
    bookmarks BIGINT,
    shares BIGINT,
    engagements BIGINT,
    followers_gained BIGINT,
    profile_clicks BIGINT,
    detail_expands BIGINT,
    url_clicks BIGINT,
    hashtag_clicks BIGINT,
    permalink_clicks BIGINT,
    recorded_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tweet_id, collected_at, source)
);
CREATE INDEX idx_seen_snapshots_collected ON seen_snapshots (collected_at);
CREATE INDEX idx_seen_snapshots_recorded ON seen_snapshots (recorded_at);

-- The queue as it is held ready for claims: what the bot found, rated once and again as it ages. All of it
-- can be filled anew from the bot's tables, so it needs no log and may be empty after a crash.

CREATE UNLOGGED TABLE queue_posts (
    tweet_id TEXT NOT NULL,
    opportunity_id TEXT,
    account TEXT NOT NULL,
    discovered_at TIMESTAMPTZ NOT NULL,
    recorded_at TIMESTAMPTZ, -- of the row that was read
    since TIMESTAMPTZ NOT NULL, -- from then until then its age changes nothing
    until TIMESTAMPTZ NOT NULL,
    slot UUID, -- none: not to be offered
    score NUMERIC
);
CREATE INDEX idx_queue_posts_best ON queue_posts (slot, score DESC, tweet_id COLLATE "C")
WHERE slot IS NOT NULL;
CREATE INDEX idx_queue_posts_tweet ON queue_posts (tweet_id);
CREATE INDEX idx_queue_posts_account ON queue_posts (account);
CREATE INDEX idx_queue_posts_since ON queue_posts (since);
CREATE INDEX idx_queue_posts_until ON queue_posts (until);

-- What the posts of a slot have in common: a value of each dimension.
CREATE UNLOGGED TABLE queue_slots (
    slot UUID PRIMARY KEY,
    slots JSONB NOT NULL
);

-- Whose posts are not to be offered for now: who rests after a reply, one of whose posts is leased.
CREATE UNLOGGED TABLE queue_away (
    account TEXT PRIMARY KEY
);
-- A post that is leased is looked up.
CREATE INDEX idx_opportunity_claims_tweet ON opportunity_claims (tweet_id);

-- Of whom something was learnt since the queue was looked at last; '*': of anybody.
CREATE UNLOGGED TABLE queue_news (
    account TEXT NOT NULL
);

-- How far the bot's tables are known to the queue.
CREATE UNLOGGED TABLE queue_state (
    only_row BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (only_row),
    use_hours INTEGER NOT NULL, -- for which it was filled
    kept_from TIMESTAMPTZ NOT NULL, -- it holds what was found since
    read_until TIMESTAMPTZ NOT NULL, -- every row recorded until then was seen
    noted_at TIMESTAMPTZ NOT NULL, -- until then, too, once all transactions below this number have ended
    noted_transaction BIGINT NOT NULL
);

-- What the bot's functions stand on: their settings, the leases on the queue, the feedback given, and
-- the histories of what is live.

-- The settings the functions need, as one row, published from the environment by every command.
CREATE TABLE loop_settings (
    only_row BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (only_row),
    settings JSONB NOT NULL
);

-- Who has taken which opportunity, until when.
CREATE TABLE opportunity_claims (
    opportunity_id TEXT PRIMARY KEY,
    tweet_id TEXT NOT NULL,
    account TEXT,
    decision_id TEXT NOT NULL UNIQUE,
    claimed_by TEXT,
    claimed_at TIMESTAMPTZ NOT NULL,
    lease_until TIMESTAMPTZ NOT NULL,
    answer JSONB NOT NULL
);
CREATE INDEX idx_opportunity_claims_account ON opportunity_claims (account, claimed_at);
CREATE INDEX idx_opportunity_claims_tweet ON opportunity_claims (tweet_id);

-- The base from which an account's priority is folded, and the replies that moved it, each once.
CREATE TABLE reply_feedback (
    tweet_id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    verdict TEXT NOT NULL, -- high | low
    collected_at TIMESTAMPTZ NOT NULL,
    followers_gained BIGINT NOT NULL,
    likes BIGINT
);
CREATE INDEX idx_reply_feedback_account ON reply_feedback (account, collected_at, tweet_id);
ALTER TABLE discovered_accounts ADD COLUMN IF NOT EXISTS base_priority_score DOUBLE PRECISION;

ALTER TABLE generator_preferences
ADD COLUMN mean_followers DOUBLE PRECISION,
ADD COLUMN band TEXT NOT NULL DEFAULT 'default'; -- use | use with caution | default
CREATE TABLE generator_preferences_history (
    day DATE NOT NULL,
    as_of TIMESTAMPTZ NOT NULL,
    account TEXT NOT NULL, -- '*': an account without a row of its own
    generator_name TEXT NOT NULL,
    probability DOUBLE PRECISION NOT NULL,
    expected_followers DOUBLE PRECISION,
    mean_followers DOUBLE PRECISION,
    confidence_score NUMERIC(5, 4) NOT NULL,
    sample_size INTEGER NOT NULL,
    band TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (day, account, generator_name)
);

CREATE TABLE search_plan_history (
    day DATE NOT NULL,
    as_of TIMESTAMPTZ NOT NULL,
    position INTEGER NOT NULL,
    label TEXT NOT NULL,
    priority INTEGER NOT NULL,
    min_likes INTEGER NOT NULL,
    is_exploration BOOLEAN NOT NULL,
    budget_share DOUBLE PRECISION NOT NULL,
    web_query TEXT NOT NULL,
    api_query TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (day, position)
);

CREATE INDEX idx_decision_ledger_decided ON decision_ledger (decided_at);

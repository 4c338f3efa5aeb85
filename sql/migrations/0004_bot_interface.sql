-- What the bot's functions stand on: their settings, the leases on the queue, the feedback given, and
-- the histories of what is live.

-- The settings the functions need, as one row, published from the environment by every command.
CREATE TABLE loop_settings (
    only_row BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (only_row),
    settings JSONB NOT NULL
);

-- Who has taken which opportunity, until when: each decision is kept, also when its lease has ended and
-- the post was taken anew.
CREATE TABLE opportunity_claims (
    decision_id TEXT PRIMARY KEY,
    opportunity_id TEXT NOT NULL,
    tweet_id TEXT NOT NULL,
    account TEXT,
    claimed_by TEXT,
    claimed_at TIMESTAMPTZ NOT NULL,
    lease_until TIMESTAMPTZ NOT NULL,
    answer JSONB NOT NULL
);
CREATE INDEX idx_opportunity_claims_lease ON opportunity_claims (lease_until);

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
ALTER TABLE discovered_accounts
ADD COLUMN IF NOT EXISTS base_priority_score DOUBLE PRECISION,
ADD COLUMN IF NOT EXISTS base_last_success_at TIMESTAMPTZ;

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

-- An error told twice is found by its id, of any length.
CREATE INDEX idx_system_events_error_id ON system_events USING hash ((event_data ->> 'error_id'))
WHERE event_type = 'bot_error';

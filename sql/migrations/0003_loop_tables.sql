-- The tables the loop writes. Every stage table has the column `day`, the partition a row belongs
-- to, and `as_of`, the instant whose facts it was computed from.

-- Which partitions of which stage are filled, in the same transaction as their rows.
CREATE TABLE stage_days (
    stage TEXT NOT NULL,
    day DATE NOT NULL,
    as_of TIMESTAMPTZ NOT NULL,
    closed BOOLEAN NOT NULL, -- computed after the day had ended: final, but for late facts
    row_count INTEGER NOT NULL,
    days_held INTEGER NOT NULL, -- days of the stage's window whose upstream rows were there
    computed_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (stage, day)
);

-- Days a stage could not compute, until it can: the windows that hold one wait for it.
CREATE TABLE stage_failures (
    stage TEXT NOT NULL,
    day DATE NOT NULL,
    reason TEXT NOT NULL,
    failed_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (stage, day)
);

-- What broke its contract, with the reason: nothing is lost.
CREATE TABLE quarantine (
    id TEXT PRIMARY KEY, -- derived from source, line and content, so that a second import adds nothing
    source TEXT NOT NULL,
    line BIGINT NOT NULL,
    reason TEXT NOT NULL,
    raw TEXT NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE classified_opportunities (
    day DATE NOT NULL,
    as_of TIMESTAMPTZ NOT NULL,
    opportunity_id TEXT NOT NULL,
    tweet_id TEXT,
    target_username TEXT,
    discovered_at TIMESTAMPTZ NOT NULL,
    engagement_tier TEXT,
    account_size_tier TEXT,
    timing_window TEXT,
    author_avg_followers DOUBLE PRECISION,
    opportunity_score_v2 NUMERIC(10, 2) NOT NULL,
    PRIMARY KEY (day, opportunity_id)
);

-- The matured outcome per decision, of any type.
CREATE TABLE IF NOT EXISTS outcomes (id UUID PRIMARY KEY DEFAULT gen_random_uuid());
ALTER TABLE outcomes
ADD COLUMN IF NOT EXISTS decision_id TEXT,
ADD COLUMN IF NOT EXISTS decision_type TEXT,
ADD COLUMN IF NOT EXISTS tweet_id TEXT,
ADD COLUMN IF NOT EXISTS posted_at TIMESTAMPTZ,
ADD COLUMN IF NOT EXISTS collected_at TIMESTAMPTZ,
ADD COLUMN IF NOT EXISTS known_at TIMESTAMPTZ,
ADD COLUMN IF NOT EXISTS matured_by TEXT, -- horizon | grace | export
ADD COLUMN IF NOT EXISTS followers_gained BIGINT,
ADD COLUMN IF NOT EXISTS likes BIGINT,
ADD COLUMN IF NOT EXISTS impressions BIGINT,
ADD COLUMN IF NOT EXISTS profile_clicks BIGINT,
ADD COLUMN IF NOT EXISTS engagements BIGINT;
CREATE INDEX IF NOT EXISTS idx_outcomes_known ON outcomes (known_at);

-- Features at decision time, the prediction made then, and the matured outcome.
CREATE TABLE IF NOT EXISTS learning_posts (id UUID PRIMARY KEY DEFAULT gen_random_uuid());
ALTER TABLE learning_posts
ADD COLUMN IF NOT EXISTS decision_id TEXT,
ADD COLUMN IF NOT EXISTS decided_at TIMESTAMPTZ,
ADD COLUMN IF NOT EXISTS features JSONB,
ADD COLUMN IF NOT EXISTS predicted_value DOUBLE PRECISION,
ADD COLUMN IF NOT EXISTS actual_value DOUBLE PRECISION,
ADD COLUMN IF NOT EXISTS known_at TIMESTAMPTZ;
CREATE INDEX IF NOT EXISTS idx_learning_posts_decision ON learning_posts (decision_id);

CREATE TABLE reply_outcomes (
    day DATE NOT NULL,
    as_of TIMESTAMPTZ NOT NULL,
    decision_id TEXT NOT NULL,
    tweet_id TEXT NOT NULL,
    posted_at TIMESTAMPTZ NOT NULL,
    collected_at TIMESTAMPTZ NOT NULL,
    known_at TIMESTAMPTZ NOT NULL,
    matured_by TEXT NOT NULL,
    account TEXT NOT NULL,
    target_tweet_id TEXT,
    engagement_tier TEXT NOT NULL,
    account_size TEXT NOT NULL,
    timing_window TEXT NOT NULL,
    generator TEXT NOT NULL,
    format TEXT NOT NULL,
    posting_hour TEXT NOT NULL,
    search_query TEXT NOT NULL,
    experiment_id UUID,
    experiment_variant TEXT,
    followers_gained BIGINT,
    likes BIGINT,
    impressions BIGINT,
    profile_clicks BIGINT,
    PRIMARY KEY (day, decision_id)
);

-- Sufficient statistics per day: every window is a merge of these, whatever the number of replies.
CREATE TABLE daily_rollup (
    day DATE NOT NULL,
    as_of TIMESTAMPTZ NOT NULL,
    dimension TEXT NOT NULL,
    value TEXT NOT NULL,
    metric TEXT NOT NULL, -- followers_gained | likes | impressions | profile_clicks
    reply_count INTEGER NOT NULL, -- all replies, those without this metric too
    n INTEGER NOT NULL,
    positives INTEGER NOT NULL,
    successes INTEGER NOT NULL, -- y at or above the success threshold
    sum_y DOUBLE PRECISION NOT NULL,
    sum_y2 DOUBLE PRECISION NOT NULL,
    sum_log1p DOUBLE PRECISION NOT NULL,
    sum_log1p2 DOUBLE PRECISION NOT NULL,
    sum_log DOUBLE PRECISION NOT NULL, -- over positives
    sum_log2 DOUBLE PRECISION NOT NULL, -- over positives
    bins SMALLINT[] NOT NULL, -- the filled bins of histogram_bin, ascending
    bin_counts INTEGER[] NOT NULL,
    PRIMARY KEY (day, dimension, value, metric)
);

ALTER TABLE reply_performance_analytics
ADD COLUMN IF NOT EXISTS day DATE,
ADD COLUMN IF NOT EXISTS as_of TIMESTAMPTZ,
ADD COLUMN IF NOT EXISTS days_held INTEGER,
ADD COLUMN IF NOT EXISTS success_count INTEGER,
ADD COLUMN IF NOT EXISTS baseline_followers DOUBLE PRECISION,
ADD COLUMN IF NOT EXISTS shrunk_mean DOUBLE PRECISION,
ADD COLUMN IF NOT EXISTS interval_low DOUBLE PRECISION,
ADD COLUMN IF NOT EXISTS interval_high DOUBLE PRECISION;
CREATE UNIQUE INDEX idx_perf_analytics_day
ON reply_performance_analytics (day, dimension_type, dimension_value);

-- Live: moves forward only. Its history is one set of rows per partition.
ALTER TABLE strategy_allocation
ADD COLUMN IF NOT EXISTS as_of TIMESTAMPTZ,
ADD COLUMN IF NOT EXISTS probability DOUBLE PRECISION;
CREATE TABLE strategy_allocation_history (
    day DATE NOT NULL,
    as_of TIMESTAMPTZ NOT NULL,
    strategy_type TEXT NOT NULL,
    strategy_name TEXT NOT NULL,
    allocation_pct NUMERIC(5, 2) NOT NULL,
    probability DOUBLE PRECISION NOT NULL,
    draw DOUBLE PRECISION NOT NULL,
    successes INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    avg_followers_gained NUMERIC(10, 2) NOT NULL,
    confidence_score NUMERIC(5, 4) NOT NULL,
    sample_size INTEGER NOT NULL,
    is_exploration BOOLEAN NOT NULL,
    PRIMARY KEY (day, strategy_type, strategy_name)
);

-- experiments is the state; what happened to one is appended here.
ALTER TABLE experiments
ADD COLUMN IF NOT EXISTS strategy_type TEXT,
ADD COLUMN IF NOT EXISTS horizon_days INTEGER DEFAULT 60;
CREATE TABLE experiment_events (
    experiment_id UUID NOT NULL,
    event TEXT NOT NULL, -- created | started | decided | stopped
    at TIMESTAMPTZ NOT NULL,
    reason TEXT NOT NULL,
    inputs JSONB,
    PRIMARY KEY (experiment_id, event, at)
);
CREATE TABLE experiment_assignments (
    experiment_id UUID NOT NULL,
    unit TEXT NOT NULL,
    variant TEXT NOT NULL,
    probability DOUBLE PRECISION NOT NULL,
    assigned_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (experiment_id, unit)
);
CREATE TABLE experiment_results (
    day DATE NOT NULL,
    as_of TIMESTAMPTZ NOT NULL,
    experiment_id UUID NOT NULL,
    look INTEGER NOT NULL,
    days_held INTEGER NOT NULL,
    sample_size_control INTEGER NOT NULL,
    sample_size_treatment INTEGER NOT NULL,
    control_avg_followers DOUBLE PRECISION,
    treatment_avg_followers DOUBLE PRECISION,
    improvement_pct DOUBLE PRECISION,
    p_value DOUBLE PRECISION,
    is_significant BOOLEAN NOT NULL,
    decision TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (day, experiment_id)
);

CREATE TABLE health_status (
    day DATE NOT NULL PRIMARY KEY,
    as_of TIMESTAMPTZ NOT NULL,
    days_held INTEGER NOT NULL,
    status TEXT NOT NULL, -- healthy | degraded | unknown
    recent_avg_followers DOUBLE PRECISION,
    historical_avg_followers DOUBLE PRECISION,
    degradation DOUBLE PRECISION,
    sample_size_recent INTEGER NOT NULL,
    sample_size_historical INTEGER NOT NULL,
    p_value DOUBLE PRECISION,
    pivot_warranted BOOLEAN NOT NULL,
    reason TEXT NOT NULL
);
CREATE TABLE pivots (
    id UUID PRIMARY KEY,
    episode_started_at TIMESTAMPTZ NOT NULL,
    opened_at TIMESTAMPTZ NOT NULL,
    closed_at TIMESTAMPTZ,
    opened_reason TEXT NOT NULL,
    closed_reason TEXT
);
CREATE UNIQUE INDEX idx_pivots_one_open ON pivots ((closed_at IS NULL)) WHERE closed_at IS NULL;

CREATE TABLE generator_preferences (
    account TEXT NOT NULL,
    generator_name TEXT NOT NULL,
    as_of TIMESTAMPTZ NOT NULL,
    probability DOUBLE PRECISION NOT NULL,
    expected_followers DOUBLE PRECISION,
    confidence_score NUMERIC(5, 4) NOT NULL,
    sample_size INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (account, generator_name)
);
CREATE TABLE search_plan (
    position INTEGER PRIMARY KEY,
    as_of TIMESTAMPTZ NOT NULL,
    label TEXT NOT NULL,
    priority INTEGER NOT NULL,
    min_likes INTEGER NOT NULL,
    is_exploration BOOLEAN NOT NULL,
    budget_share DOUBLE PRECISION NOT NULL,
    web_query TEXT NOT NULL,
    api_query TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE TABLE error_analysis (
    day DATE NOT NULL,
    as_of TIMESTAMPTZ NOT NULL,
    category TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    component TEXT,
    occurrences INTEGER NOT NULL,
    previous_occurrences INTEGER NOT NULL,
    first_seen_at TIMESTAMPTZ NOT NULL,
    last_seen_at TIMESTAMPTZ NOT NULL,
    example TEXT,
    PRIMARY KEY (day, category, fingerprint)
);
CREATE TABLE optimization_weights (
    kind TEXT NOT NULL, -- generator | format | posting_hour
    name TEXT NOT NULL,
    as_of TIMESTAMPTZ NOT NULL,
    weight DOUBLE PRECISION NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (kind, name)
);

-- What was served, with the exact probability it had: the first answer wins, nothing rewrites it.
CREATE TABLE decision_ledger (
    family TEXT NOT NULL,
    unit TEXT NOT NULL,
    arm TEXT NOT NULL,
    probability DOUBLE PRECISION NOT NULL,
    available JSONB NOT NULL,
    policy_version TEXT NOT NULL,
    as_of TIMESTAMPTZ NOT NULL,
    decided_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (family, unit)
);

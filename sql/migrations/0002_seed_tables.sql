-- The three tables and the added columns of the seed's plan (Phase 1, "Database Schema"): names,
-- types, defaults and indexes as written there. What the loop adds to them stands in 0003.

CREATE TABLE IF NOT EXISTS reply_performance_analytics (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    dimension_type TEXT NOT NULL,
    dimension_value TEXT NOT NULL,
    reply_count INTEGER DEFAULT 0,
    avg_followers_gained NUMERIC(10, 2) DEFAULT 0,
    avg_reply_likes NUMERIC(10, 2) DEFAULT 0,
    avg_impressions NUMERIC(10, 2) DEFAULT 0,
    avg_profile_clicks NUMERIC(10, 2) DEFAULT 0,
    confidence_score NUMERIC(5, 4) DEFAULT 0,
    sample_size INTEGER DEFAULT 0,
    roi_score NUMERIC(10, 2) DEFAULT 0,
    performance_tier TEXT, -- excellent | good | moderate | poor
    measurement_start TIMESTAMPTZ NOT NULL,
    measurement_end TIMESTAMPTZ NOT NULL,
    last_updated TIMESTAMPTZ DEFAULT now(),
    metadata JSONB,
    created_at TIMESTAMPTZ DEFAULT now()
);
CREATE INDEX IF NOT EXISTS idx_perf_analytics_dimension
ON reply_performance_analytics (dimension_type, dimension_value);
CREATE INDEX IF NOT EXISTS idx_perf_analytics_updated ON reply_performance_analytics (last_updated);

CREATE TABLE IF NOT EXISTS strategy_allocation (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    strategy_name TEXT NOT NULL,
    strategy_type TEXT NOT NULL,
    current_allocation_pct NUMERIC(5, 2) DEFAULT 0,
    target_allocation_pct NUMERIC(5, 2) DEFAULT 0,
    avg_followers_gained NUMERIC(10, 2) DEFAULT 0,
    confidence_score NUMERIC(5, 4) DEFAULT 0,
    sample_size INTEGER DEFAULT 0,
    status TEXT DEFAULT 'active', -- active | testing | paused | retired
    is_exploration BOOLEAN DEFAULT FALSE,
    strategy_params JSONB,
    last_used TIMESTAMPTZ,
    created_at TIMESTAMPTZ DEFAULT now(),
    updated_at TIMESTAMPTZ DEFAULT now()
);
CREATE INDEX IF NOT EXISTS idx_strategy_allocation_status ON strategy_allocation (status);
CREATE INDEX IF NOT EXISTS idx_strategy_allocation_type ON strategy_allocation (strategy_type);

CREATE TABLE IF NOT EXISTS experiments (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    experiment_name TEXT NOT NULL,
    hypothesis TEXT NOT NULL,
    control_strategy TEXT NOT NULL,
    control_allocation_pct NUMERIC(5, 2) DEFAULT 90,
    treatment_strategy TEXT NOT NULL,
    treatment_allocation_pct NUMERIC(5, 2) DEFAULT 10,
    control_avg_followers NUMERIC(10, 2),
    treatment_avg_followers NUMERIC(10, 2),
    improvement_pct NUMERIC(10, 2),
    is_significant BOOLEAN DEFAULT FALSE,
    confidence_level NUMERIC(5, 4), -- the p-value
    sample_size_control INTEGER DEFAULT 0,
    sample_size_treatment INTEGER DEFAULT 0,
    status TEXT DEFAULT 'running', -- suggested | running | completed | inconclusive | failed
    started_at TIMESTAMPTZ DEFAULT now(),
    completed_at TIMESTAMPTZ,
    decision TEXT, -- adopt | reject | continue_testing
    notes TEXT,
    created_at TIMESTAMPTZ DEFAULT now()
);
CREATE INDEX IF NOT EXISTS idx_experiments_status ON experiments (status);

ALTER TABLE reply_opportunities ADD COLUMN IF NOT EXISTS engagement_tier TEXT;
ALTER TABLE reply_opportunities ADD COLUMN IF NOT EXISTS account_size_tier TEXT;
ALTER TABLE reply_opportunities ADD COLUMN IF NOT EXISTS timing_window TEXT;
ALTER TABLE reply_opportunities ADD COLUMN IF NOT EXISTS opportunity_score_v2 NUMERIC(10, 2) DEFAULT 0;

ALTER TABLE discovered_accounts ADD COLUMN IF NOT EXISTS performance_tier TEXT;
ALTER TABLE discovered_accounts ADD COLUMN IF NOT EXISTS avg_followers_per_reply NUMERIC(10, 2) DEFAULT 0;
ALTER TABLE discovered_accounts ADD COLUMN IF NOT EXISTS last_success_at TIMESTAMPTZ;

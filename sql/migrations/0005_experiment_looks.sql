-- What each look at an experiment went by, whichever rule decided; the seed's Welch p-value stays in p_value.
ALTER TABLE experiment_results
ADD COLUMN rule TEXT NOT NULL DEFAULT 'seed', -- seed | default
ADD COLUMN compared TEXT NOT NULL DEFAULT 'log1p', -- log1p | capped
ADD COLUMN horizon_days INTEGER NOT NULL DEFAULT 60,
ADD COLUMN statistic DOUBLE PRECISION, -- z of treatment against control
ADD COLUMN adopt_bound DOUBLE PRECISION, -- of z; NULL where the look tests nothing yet
ADD COLUMN reject_bound DOUBLE PRECISION,
ADD COLUMN sequential_p_value DOUBLE PRECISION, -- one-sided, of this look: to compare with its bound's
ADD COLUMN shrunk_lift_pct DOUBLE PRECISION,
ADD COLUMN lift_low_pct DOUBLE PRECISION, -- 95%
ADD COLUMN lift_high_pct DOUBLE PRECISION,
ADD COLUMN sample_ratio_p_value DOUBLE PRECISION, -- NULL where nothing was served by the loop
ADD COLUMN inputs JSONB NOT NULL DEFAULT '{}'; -- the cumulative sums of both groups

CREATE INDEX idx_reply_outcomes_experiment ON reply_outcomes (experiment_id) WHERE experiment_id IS NOT NULL;

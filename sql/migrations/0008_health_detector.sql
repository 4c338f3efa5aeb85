-- The detector's figures beside the seed's, where a drop comes from, and what has fallen silent.
ALTER TABLE health_status
ADD COLUMN rule TEXT NOT NULL DEFAULT 'seed', -- seed | default
ADD COLUMN cusum DOUBLE PRECISION, -- evidence of a drop and its thresholds, in nats
ADD COLUMN threshold DOUBLE PRECISION,
ADD COLUMN pivot_threshold DOUBLE PRECISION,
ADD COLUMN baseline_mean DOUBLE PRECISION, -- of log(1 + followers), and the SD of a day's mean
ADD COLUMN baseline_sd DOUBLE PRECISION,
ADD COLUMN baseline_days INTEGER NOT NULL DEFAULT 0,
ADD COLUMN segment_started_on DATE, -- since when there is evidence, where there is any
ADD COLUMN segment_replies INTEGER NOT NULL DEFAULT 0,
ADD COLUMN segment_mean DOUBLE PRECISION,
ADD COLUMN segment_p_value DOUBLE PRECISION,
ADD COLUMN episode_started_at TIMESTAMPTZ, -- the day of the alarm that lasts
ADD COLUMN diagnosis JSONB NOT NULL DEFAULT '[]',
ADD COLUMN silence JSONB NOT NULL DEFAULT '[]';
COMMENT ON COLUMN health_status.status IS 'healthy | degraded | silent | unknown';

-- The newest snapshot of a day is looked up for each day of the window.
CREATE INDEX IF NOT EXISTS idx_tweet_metrics_collected ON tweet_metrics (collected_at);

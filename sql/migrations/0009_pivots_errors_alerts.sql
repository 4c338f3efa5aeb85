-- What a pivot was opened on and the experiments it starts, the trend of errors, alerts and their way to
-- the operator, trends over weeks.
ALTER TABLE pivots
ADD COLUMN inputs JSONB;

ALTER TABLE experiments
ADD COLUMN IF NOT EXISTS units_share DOUBLE PRECISION NOT NULL DEFAULT 1, -- part of its units that take part
ADD COLUMN IF NOT EXISTS pivot_id UUID;

-- occurrences counts the last 7 days before the as-of, previous_occurrences the 7 days before those.
ALTER TABLE error_analysis
ADD COLUMN last_day_occurrences INTEGER NOT NULL DEFAULT 0,
ADD COLUMN trend TEXT NOT NULL DEFAULT 'steady', -- new | surging | rising | steady | falling | ceased
ADD COLUMN p_value DOUBLE PRECISION; -- one-sided, of the last week against the week before

ALTER TABLE health_status
ADD COLUMN watched TEXT NOT NULL DEFAULT 'followers', -- followers | visits: what the detector looks at
ADD COLUMN usual_since DATE, -- from when on the baseline holds, where an episode has ended by its age
ADD COLUMN trends JSONB NOT NULL DEFAULT '[]';

-- An alert is an event of type 'replyloop_alert'; here is how far its way to the webhook has come.
CREATE TABLE alert_deliveries (
    alert TEXT PRIMARY KEY, -- event_data ->> 'alert'
    attempts INTEGER NOT NULL,
    attempted_at TIMESTAMPTZ NOT NULL,
    delivered_at TIMESTAMPTZ,
    last_error TEXT
);

CREATE INDEX IF NOT EXISTS idx_system_events_created ON system_events (created_at);
CREATE UNIQUE INDEX IF NOT EXISTS idx_system_events_alert ON system_events ((event_data ->> 'alert'))
WHERE event_type = 'replyloop_alert';

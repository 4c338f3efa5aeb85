-- A window reads one metric of a few dimensions over its days: without this it reads every row of them.
CREATE INDEX idx_daily_rollup_dimension ON daily_rollup (dimension, metric, day);

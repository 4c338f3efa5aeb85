-- By which metric the values of a window are believed and ranked: followers, or the profile visits that stand
-- in for them, with how many followers come of one visit.
ALTER TABLE reply_performance_analytics
ADD COLUMN believed_metric TEXT, -- followers | visits; of shrunk_mean and its interval
ADD COLUMN conversion DOUBLE PRECISION, -- followers per visit, where visits are believed in
ADD COLUMN conversion_low DOUBLE PRECISION, -- 95%
ADD COLUMN conversion_high DOUBLE PRECISION;

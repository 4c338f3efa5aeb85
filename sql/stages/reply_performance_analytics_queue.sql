-- The queue was rated by what was known of the authors before: it is filled anew.
INSERT INTO queue_news (account) VALUES ('*')

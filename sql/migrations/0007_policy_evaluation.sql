-- What a policy would have brought, told from what another one served.
CREATE TABLE policy_evaluation (
    day DATE NOT NULL,
    as_of TIMESTAMPTZ NOT NULL,
    strategy_type TEXT NOT NULL,
    policy TEXT NOT NULL, -- allocation (the day's own) | uniform | best arm
    days_held INTEGER NOT NULL,
    replies INTEGER NOT NULL, -- with an entry in the ledger and an outcome
    logged_followers DOUBLE PRECISION, -- a reply, capped
    policy_followers DOUBLE PRECISION,
    value_ratio DOUBLE PRECISION,
    interval_low DOUBLE PRECISION, -- of the ratio, two-sided
    interval_high DOUBLE PRECISION,
    lower_bound DOUBLE PRECISION, -- of the ratio, one-sided
    effective_sample_size DOUBLE PRECISION NOT NULL,
    verdict TEXT NOT NULL, -- adopt | keep | not enough overlap
    refused BOOLEAN NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (day, strategy_type, policy)
);

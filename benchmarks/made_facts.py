"""Facts by SQL: as many days, replies a day and accounts as asked for, with no life behind them.

Every reply has a post that it answers, a snapshot past its horizon, a decision of each dimension in the
ledger, and of late a variant of one running experiment. The outcomes of the past are written down as their
stage would, so that only the days that are measured have to be filled.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa

from replyloop_assets.learning.dimensions import ALLOCATED
from replyloop_assets.partitions import day_start

POSTS_PER_REPLY = 3
EXPERIMENT_DAYS = 30


@dataclass(frozen=True)
class Size:
    """How much there is: days of history, replies a day, accounts that they go to."""

    days: int = 90
    replies: int = 50
    accounts: int = 150


FACTS = """
    SELECT setseed(0.5);

    CREATE TEMPORARY TABLE made ON COMMIT DROP AS
    SELECT
        drawn.*,
        day::DATE AS day,
        day + i * INTERVAL '24 hours' / :replies AS at,
        to_char(day, 'YYYYMMDD') || lpad(i::TEXT, 8, '0') AS tweet_id,
        'account_' || drawn.account_number AS account,
        (ARRAY['ResearchSynthesizer', 'PersonalStory', 'Contrarian', 'Question', 'DataNerd'])[
            1 + drawn.account_number % 2 + floor(4 * random())::INTEGER
        ] AS generator,
        CASE
            WHEN day >= :last_start - :experiment_days * INTERVAL '1 day'
                THEN CASE WHEN random() < 0.1 THEN 'treatment' ELSE 'control' END
        END AS variant,
        CASE WHEN random() < 0.4 THEN 1 + floor(-4 * ln(1 - random())) ELSE 0 END AS followers,
        floor(exp(2 + 1.2 * drawn.luck)) AS likes,
        floor(exp(6 + 1.4 * drawn.luck)) AS impressions,
        floor(exp(1 + 1.1 * drawn.luck)) AS visits
    FROM generate_series(:first_start, :last_start, INTERVAL '1 day') AS day
    CROSS JOIN generate_series(0, :replies - 1) AS i
    CROSS JOIN LATERAL (
        SELECT
            floor(:accounts * random() ^ 1.5)::INTEGER AS account_number,
            sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) AS luck,
            floor(exp(8 + 4 * random())) AS post_likes,
            i + extract(EPOCH FROM day) AS seen  -- drawn anew for each reply
    ) AS drawn;

    INSERT INTO accounts (username, follower_count)
    SELECT 'account_' || a, floor(exp(8 + 7 * random())) FROM generate_series(0, :accounts - 1) AS a;

    INSERT INTO found_posts (
        tweet_id, target_username, author_follower_count, like_count, reply_count, search_query,
        posted_minutes_ago, discovered_at, recorded_at
    )
    SELECT
        CASE WHEN copy = 0 THEN '1' || made.tweet_id ELSE copy || '0' || made.tweet_id END,
        CASE
            WHEN copy = 0 THEN made.account ELSE 'account_' || floor(:accounts * random())::INTEGER
        END,
        CASE WHEN random() < 0.9 THEN floor(exp(8 + 7 * random())) END,
        made.post_likes,
        floor(1000 * random()),
        'topic ' || floor(12 * random()),
        floor(2000 * random() ^ 2),
        made.at - INTERVAL '1 minute',
        made.at - INTERVAL '1 minute'
    FROM made
    -- what was found weeks ago and not answered tells no window anything
    CROSS JOIN generate_series(
        0, CASE WHEN made.at < :last_start - INTERVAL '9 days' THEN 0 ELSE :copies - 1 END
    ) AS copy;

    INSERT INTO experiments (
        id, experiment_name, hypothesis, control_strategy, treatment_strategy, status, started_at, created_at,
        dimension, horizon_days
    )
    VALUES (
        '00000000-0000-4000-8000-000000000001', 'made', 'made', 'ResearchSynthesizer', 'PersonalStory',
        'running', :last_start - :experiment_days * INTERVAL '1 day', :first_start, 'generator', 60
    );

    INSERT INTO own_posts (
        decision_id, decision_type, content, format, generator_name, target_username, target_tweet_id,
        tweet_id, status, posted_at, recorded_at, experiment_id, experiment_variant
    )
    SELECT
        'd' || tweet_id, 'reply', repeat('what was written ', 10),
        (ARRAY['short', 'long', 'question'])[1 + floor(3 * random())::INTEGER],
        generator, account, '1' || tweet_id, '9' || tweet_id, 'posted', at, at,
        CASE WHEN variant IS NOT NULL THEN '00000000-0000-4000-8000-000000000001'::UUID END, variant
    FROM made;

    INSERT INTO tweet_metrics (
        tweet_id, collected_at, source, impressions, likes, followers_gained, profile_clicks, recorded_at
    )
    SELECT
        '9' || tweet_id, at + age * INTERVAL '1 hour', 'bot',
        impressions * least(age, 24) / 24, likes * least(age, 24) / 24, followers, visits,
        at + age * INTERVAL '1 hour'
    FROM made CROSS JOIN unnest(ARRAY[1, 25]) AS age
    WHERE at + age * INTERVAL '1 hour' < :now;

    INSERT INTO decision_ledger (
        dimension, unit, arm, probability, available, policy_version, as_of, decided_at
    )
    SELECT
        wanted.dimension, 'd' || made.tweet_id, 'arm ' || chosen.number, offered.shares[chosen.number],
        jsonb_object('{arm 1, arm 2, arm 3, arm 4, arm 5}', offered.shares::TEXT[]), 'made', made.at, made.at
    FROM made
    CROSS JOIN unnest(CAST(:dimensions AS TEXT[])) AS wanted (dimension)
    CROSS JOIN LATERAL (
        SELECT ARRAY[0.6, 0.1, 0.1, 0.1, 0.1]::DOUBLE PRECISION[] AS shares
    ) AS offered
    CROSS JOIN LATERAL (
        SELECT CASE WHEN made.luck < 0.25 THEN 1 ELSE 2 + floor(4 * random())::INTEGER END AS number
    ) AS chosen;

    INSERT INTO decision_ledger (
        dimension, unit, arm, probability, available, policy_version, as_of, decided_at
    )
    SELECT
        'experiment:00000000-0000-4000-8000-000000000001', 'd' || tweet_id, variant,
        CASE variant WHEN 'treatment' THEN 0.1 ELSE 0.9 END, '{"control": 0.9, "treatment": 0.1}', 'made',
        at, at
    FROM made
    WHERE variant IS NOT NULL
"""
OUTCOMES = """
    INSERT INTO reply_outcomes (
        day, as_of, decision_id, tweet_id, posted_at, collected_at, known_at, matured_by, account,
        target_tweet_id, slots, generator, format, posting_hour, experiment_id, experiment_variant,
        followers_gained, likes, impressions, profile_clicks
    )
    SELECT
        (metrics.collected_at AT TIME ZONE 'UTC')::DATE,
        date_trunc('day', metrics.collected_at) + INTERVAL '1 day',
        content.decision_id, content.tweet_id, content.posted_at, metrics.collected_at, metrics.collected_at,
        'horizon', lower(content.target_username), content.target_tweet_id,
        opportunity_slots(
            post.like_count, post.author_follower_count, post.posted_minutes_ago, post.search_query
        ),
        content.generator_name, content.format, to_char(content.posted_at, 'HH24'),
        content.experiment_id::UUID, content.experiment_variant, metrics.followers_gained, metrics.likes,
        metrics.impressions, metrics.profile_clicks
    FROM own_posts AS content
    INNER JOIN tweet_metrics AS metrics
        ON
            content.tweet_id = metrics.tweet_id
            AND metrics.collected_at > content.posted_at + INTERVAL '24 hours'
    INNER JOIN found_posts AS post ON content.target_tweet_id = post.tweet_id
    WHERE metrics.collected_at < :last_start;

    INSERT INTO stage_days (stage, day, as_of, closed, row_count, days_held, computed_at)
    SELECT stage, day, day + INTERVAL '1 day', TRUE, 1, 1, day + INTERVAL '1 day'
    FROM generate_series(:first_start, :last_start - INTERVAL '1 day', INTERVAL '1 day') AS day
    CROSS JOIN unnest(ARRAY['classified_opportunities', 'reply_outcomes']) AS stage
"""


def make_facts(engine: sa.Engine, size: Size, last_day: date, matured: bool = True) -> None:
    """Write the facts of `size.days` days up to the end of `last_day`; `matured`: the outcomes before it."""
    parameters = {
        "first_start": day_start(last_day - timedelta(days=size.days - 1)),
        "last_start": day_start(last_day),
        "now": day_start(last_day + timedelta(days=1)),
        "replies": size.replies,
        "accounts": size.accounts,
        "copies": POSTS_PER_REPLY,
        "experiment_days": EXPERIMENT_DAYS,
        "dimensions": list(ALLOCATED),
    }
    with engine.begin() as connection:
        for statement in (f"{FACTS};\n{OUTCOMES}" if matured else FACTS).split(";\n"):
            connection.execute(sa.text(statement), parameters)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")

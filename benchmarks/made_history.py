"""A long past by SQL: millions of replies before the days that a window reads, computed and closed.

The past is spread evenly over the days from `PAST_DAY` to the recent ones, which are those of `made_facts`.
Each reply of it has the post that it answers, two snapshots and, but for one in a hundred, its outcome. What
the stages made of a past day is that day closed and a copy of one recent day's sums.
"""

from datetime import date, timedelta

import sqlalchemy as sa

from benchmarks.made_facts import Size, make_facts
from replyloop_assets.assets import STAGES, reply_outcomes
from replyloop_assets.assets.stage import Runtime
from replyloop_assets.partitions import Window, day_start, days_between

RECENT = Size(days=150)
PAST_DAY = date(2025, 1, 1)
PAST = """
    SET LOCAL synchronous_commit = off;

    CREATE TEMPORARY TABLE made ON COMMIT DROP AS
    SELECT
        lpad(number::TEXT, 9, '0') AS id,
        CAST(:since AS TIMESTAMPTZ)
            + number * ((CAST(:until AS TIMESTAMPTZ) - INTERVAL '1 day' - :since) / :replies) AS at
    FROM generate_series(0, :replies - 1) AS number;

    INSERT INTO found_posts (
        id, tweet_id, target_username, author_follower_count, like_count, reply_count, search_query,
        posted_minutes_ago, discovered_at, recorded_at
    )
    SELECT
        lpad(id, 32, '0')::UUID, '5' || id, 'account_7', 50000, 12000, 90, 'topic', 100,
        at - INTERVAL '1 minute', at - INTERVAL '1 minute'
    FROM made;

    INSERT INTO own_posts (
        decision_id, decision_type, content, format, generator_name, target_username, target_tweet_id,
        tweet_id, status, posted_at, recorded_at
    )
    SELECT
        'd' || id, 'reply', 'what was written', 'short', 'PersonalStory', 'account_7', '5' || id, '7' || id,
        'posted', at, at
    FROM made;

    INSERT INTO tweet_metrics (
        id, tweet_id, collected_at, source, impressions, likes, followers_gained, profile_clicks, recorded_at
    )
    SELECT
        lpad(id || lpad(age::TEXT, 2, '0'), 32, '0')::UUID, '7' || id, at + age * INTERVAL '1 hour', 'bot',
        40 * age, age, 2, 3, at + age * INTERVAL '1 hour'
    FROM made CROSS JOIN unnest(ARRAY[1, 23]) AS age;

    INSERT INTO reply_outcomes (
        day, as_of, decision_id, tweet_id, posted_at, collected_at, known_at, matured_by, account,
        target_tweet_id, slots, generator, format, posting_hour, followers_gained, likes, impressions,
        profile_clicks
    )
    SELECT
        (at + INTERVAL '2 days')::DATE, date_trunc('day', at) + INTERVAL '3 days', 'd' || id, '7' || id,
        at, at + INTERVAL '23 hours', at + INTERVAL '2 days', 'grace', 'account_7', '5' || id,
        '{"engagement_tier": "10K-25K"}', 'PersonalStory', 'short', to_char(at, 'HH24'), 2, 23, 920, 3
    FROM made
    WHERE id NOT LIKE '%00'
"""
COMPUTED = """
    CREATE TEMPORARY TABLE past ON COMMIT DROP AS
    SELECT day::DATE AS past_day, day + INTERVAL '1 day' AS past_end
    FROM generate_series(:since, CAST(:until AS TIMESTAMPTZ) - INTERVAL '1 day', INTERVAL '1 day') AS day;

    INSERT INTO daily_rollup
    SELECT (jsonb_populate_record(rolled, jsonb_build_object('day', past_day, 'as_of', past_end))).*
    FROM daily_rollup AS rolled CROSS JOIN past
    WHERE rolled.day = (CAST(:until AS TIMESTAMPTZ) + INTERVAL '30 days')::DATE;

    INSERT INTO stage_days (stage, day, as_of, closed, row_count, days_held, computed_at)
    SELECT stage, past_day, past_end, TRUE, 1, 1, past_end
    FROM past CROSS JOIN unnest(CAST(:stages AS TEXT[])) AS stage
    ON CONFLICT DO NOTHING;

    -- as if each had been computed at its end
    UPDATE stage_days SET computed_at = as_of WHERE closed
"""


def make_history(engine: sa.Engine, replies: int, last_day: date, runtime: Runtime) -> None:
    """Write a past of so many replies and the recent days up to the end of `last_day`, and close them all."""
    recent_day = last_day - timedelta(days=RECENT.days - 1)
    parameters = {
        "since": day_start(PAST_DAY),
        "until": day_start(recent_day),
        "replies": replies,
        "stages": [stage.name for stage in STAGES],
    }
    make_facts(engine, RECENT, last_day)
    execute(engine, PAST, parameters)
    windows = [Window.at(day, runtime.now()) for day in days_between(recent_day, last_day)]
    with engine.begin() as connection:
        for window in windows:
            reply_outcomes.keep_decisions(connection, window)
    for stage in STAGES:
        for _, result in stage.fill_days(runtime, windows):
            if isinstance(result, Exception):
                raise result
    execute(engine, COMPUTED, parameters)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")


def execute(engine: sa.Engine, statements: str, parameters: dict[str, object]) -> None:
    """Run some statements in one transaction."""
    with engine.begin() as connection:
        for statement in statements.split(";\n"):
            connection.execute(sa.text(statement), parameters)

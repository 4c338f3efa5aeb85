"""Each account's distribution over generators: its history, and the live table the bot reads."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from replyloop_assets.assets import daily_rollup, generator_preferences
from replyloop_assets.partitions import Window, days_between
from replyloop_assets_tests.life import runtime_at

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 20)
NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)
OUTCOME = sa.text("""
    INSERT INTO reply_outcomes (
        day, as_of, decision_id, tweet_id, posted_at, collected_at, known_at, matured_by, account,
        engagement_tier, account_size, timing_window, generator, format, posting_hour, search_query,
        followers_gained
    )
    SELECT
        CAST(:day AS DATE), :day, :account || :generator || at, at, :day, :day, :day, 'horizon', :account,
        'unknown', 'unknown', 'unknown', :generator, 'unknown', '09', 'unknown', CAST(:y AS INT) * (at % 2)
    FROM generate_series(1, CAST(:times AS INT)) AS at
""")


def reply(engine: sa.Engine, day: date, account: str, generator: str, times: int, y: int | None) -> None:
    values = {"day": day, "account": account, "generator": generator, "times": times, "y": y}
    with engine.begin() as connection:
        connection.execute(OUTCOME, values)


def turn(engine: sa.Engine, now: datetime, days: list[date]) -> None:
    """Roll up the days and decide each of them."""
    for stage in (daily_rollup.STAGE, generator_preferences.STAGE):
        for day in days:
            stage.fill(runtime_at(engine, now), Window.at(day, now))


def rows(engine: sa.Engine, table: str) -> list[Any]:
    query = f'SELECT * FROM {table} ORDER BY account COLLATE "C", generator_name COLLATE "C"'
    with engine.connect() as connection:
        return list(connection.execute(sa.text(query)))


@pytest.fixture
def busy(engine: sa.Engine) -> sa.Engine:
    for day in days_between(FIRST, LAST):
        reply(engine, day, "ann", "Story", 4, 20)
        reply(engine, day, "ann", "ResearchSynthesizer", 4, 2)
        reply(engine, day, "bob", "Story", 1, 20)
    reply(engine, LAST, "unknown", "Story", 2, 20)
    reply(engine, LAST, "ann", "unknown", 2, 500)
    return engine


def test_each_account_has_a_distribution_and_the_newest_is_live(busy: sa.Engine) -> None:
    turn(busy, NOON, days_between(FIRST, LAST))
    live = rows(busy, "generator_preferences")
    assert [(row.account, row.generator_name) for row in live] == [
        (account, generator)
        for account in ("*", "ann", "bob")
        for generator in ("ResearchSynthesizer", "Story")
    ]
    assert {row.as_of for row in live} == {NOON}
    for account in ("*", "ann", "bob"):
        shares = [row.probability for row in live if row.account == account]
        assert sum(shares) == pytest.approx(1)
        assert min(shares) >= 0.1 / 8 - 1e-11
        assert shares[1] > 0.6
    ann = live[3]
    assert (ann.sample_size, ann.band, float(ann.confidence_score)) == (80, "use", 1.0)
    assert ann.mean_followers == 10
    assert "80 replies to this account, 102 to all; use" in ann.reason
    assert live[4].mean_followers is None  # bob has not had one by ResearchSynthesizer
    history = [row for row in rows(busy, "generator_preferences_history") if row.day == LAST]
    assert [row[2:] for row in history] == [
        (
            r.account,
            r.generator_name,
            r.probability,
            r.expected_followers,
            r.mean_followers,
            r.confidence_score,
            r.sample_size,
            r.band,
            r.reason,
        )
        for r in live
    ]


def test_an_old_window_leaves_the_live_table_alone(busy: sa.Engine) -> None:
    turn(busy, NOON, days_between(FIRST, LAST))
    before = rows(busy, "generator_preferences")
    turn(busy, NOON, [LAST - timedelta(days=9)])
    turn(busy, NOON - timedelta(days=3), [LAST - timedelta(days=3)])  # a clock that went back
    assert rows(busy, "generator_preferences") == before


def test_what_vanished_from_the_window_vanishes_from_the_live_table(busy: sa.Engine) -> None:
    turn(busy, NOON, days_between(FIRST, LAST))
    later = NOON + timedelta(days=58)
    reply(busy, later.date(), "cid", "Contrarian", 3, 4)
    turn(busy, later, [later.date()])
    live = rows(busy, "generator_preferences")
    assert {row.account for row in live} == {"*", "ann", "bob", "cid"}
    assert {row.as_of for row in live} == {later}
    much_later = later + timedelta(days=50)
    turn(busy, much_later, [much_later.date()])
    assert [row[:2] for row in rows(busy, "generator_preferences")] == [
        ("*", "Contrarian"),
        ("cid", "Contrarian"),
    ]
    end = much_later + timedelta(days=70)
    turn(busy, end, [end.date()])
    assert rows(busy, "generator_preferences") == []


def test_hostile_names_are_read_as_they_are(engine: sa.Engine) -> None:
    hostile = ["a × b", "x × Story", "*", "'; DROP TABLE daily_rollup; --", "ä" * 5000, "%_"]
    for account in hostile:
        reply(engine, LAST, account, "Story", 3, 5)
        reply(engine, LAST, account, "Long × Story", 3, 5)
    turn(engine, NOON, [LAST])
    live = rows(engine, "generator_preferences")
    assert {row.account for row in live} == set(hostile)  # '*' for any account, not for one so called
    assert {row.generator_name for row in live} == {"Story", "Long × Story"}

"""Each account's distribution over generators: its history, and the live table the bot reads."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from replyloop_assets.assets import daily_rollup, generator_preferences
from replyloop_assets.assets.stage import Runtime
from replyloop_assets.learning.generators.settings import GeneratorSettings
from replyloop_assets.partitions import Window, days_between
from replyloop_assets.settings import load_settings
from replyloop_assets_tests.life import runtime_at

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 20)
NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)
OUTCOME = sa.text("""
    INSERT INTO reply_outcomes (
        day, as_of, decision_id, tweet_id, posted_at, collected_at, known_at, matured_by, account,
        slots, generator, format, posting_hour, followers_gained
    )
    SELECT
        CAST(:day AS DATE), :day, :account || :generator || at, at, :day, :day, :day, 'horizon', :account,
        '{}', :generator, 'unknown', '09', CAST(:y AS INT) * (at % 2)
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


PIVOT = sa.text("""
    INSERT INTO pivots (id, episode_started_at, opened_at, opened_reason, inputs)
    VALUES (gen_random_uuid(), :opened_at, :opened_at, 'down', '{"segment_started_on": "2026-03-16"}')
""")
PIVOTED_AT = datetime(2026, 3, 18, 6, tzinfo=UTC)


@pytest.fixture
def pivoted(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> sa.Engine:
    """What was the best generator brings nothing from the 16th on, and a pivot opens on the 18th.

    That the change may be certain by itself, so that what was before is forgotten, is left out.
    """
    monkeypatch.setattr(generator_preferences, "steady_days", lambda daily, asked, days: [days] * len(asked))
    fall(engine)
    return engine


def fall(engine: sa.Engine) -> None:
    for day in days_between(FIRST, LAST):
        fallen = day >= date(2026, 3, 16)
        for account in ("ann", "bob"):
            reply(engine, day, account, "Story", 10, 0 if fallen else 12)
            reply(engine, day, account, "Data", 4, 8)
    with engine.begin() as connection:
        connection.execute(PIVOT, {"opened_at": PIVOTED_AT})


def shares_on(engine: sa.Engine, day: date, account: str = "ann") -> dict[str, Any]:
    query = "SELECT * FROM generator_preferences_history WHERE day = :day AND account = :account"
    with engine.connect() as connection:
        found = connection.execute(sa.text(query), {"day": day, "account": account})
        return {row.generator_name: row for row in found}


def test_a_pivot_explores_in_every_account_and_what_was_before_the_drop_counts_less(
    pivoted: sa.Engine,
) -> None:
    turn(pivoted, NOON, days_between(FIRST, LAST))
    before, after = date(2026, 3, 17), date(2026, 3, 18)
    known = shares_on(pivoted, before)
    assert known["Story"].probability > known["Data"].probability  # 15 good days against two bad ones
    for account in ("ann", "bob", "*"):
        shares = {name: row.probability for name, row in shares_on(pivoted, after, account).items()}
        assert shares["Data"] > shares["Story"], account
        assert min(shares.values()) >= 0.3 - 1e-9
    # all the replies are told of, whatever they count
    assert shares_on(pivoted, after)["Story"].sample_size == 180
    assert "180 replies to this account, 360 to all" in shares_on(pivoted, after)["Story"].reason


def test_a_closed_day_is_the_same_before_and_after_its_pivot_has_closed(pivoted: sa.Engine) -> None:
    turn(pivoted, NOON, days_between(FIRST, LAST))
    day = date(2026, 3, 19)
    live = {name: tuple(row) for name, row in shares_on(pivoted, day).items()}
    with pivoted.begin() as connection:
        connection.execute(sa.text("UPDATE pivots SET closed_at = :at, closed_reason = 'x'"), {"at": NOON})
    turn(pivoted, NOON + timedelta(days=9), [day])
    assert {name: tuple(row) for name, row in shares_on(pivoted, day).items()} == live


def test_a_pivot_that_nobody_closes_is_over_after_sixty_days(pivoted: sa.Engine) -> None:
    turn(pivoted, NOON, days_between(FIRST, LAST))
    for days, explored in ((59, 0.3), (61, 0.1)):
        day = PIVOTED_AT.date() + timedelta(days=days)
        reply(pivoted, day, "ann", "Data", 200, 9)
        turn(pivoted, PIVOTED_AT + timedelta(days=days + 5), [day])
        assert shares_on(pivoted, day)["Story"].probability == pytest.approx(explored)


def test_the_seed_s_rule_knows_of_no_discount(pivoted: sa.Engine) -> None:
    literal = load_settings().model_copy(update={"generators": GeneratorSettings(rule="seed")})
    runtime = Runtime(pivoted, literal, now=lambda: NOON)
    for stage in (daily_rollup.STAGE, generator_preferences.STAGE):
        for day in days_between(FIRST, LAST):
            stage.fill(runtime, Window.at(day, NOON))
    found = shares_on(pivoted, date(2026, 3, 18))
    assert found["Story"].probability == pytest.approx(0.7)  # the pivot that is open explores by either rule
    assert found["Story"].mean_followers == pytest.approx(15 * 60 / 180)


ADOPTED = """
    INSERT INTO experiments (
        id, experiment_name, hypothesis, dimension, control_strategy, treatment_strategy, created_at
    )
    VALUES (
        '5f0c54a4-1f0a-4c0e-9a57-0c8f5d1f2b11', 'T', 'T', 'generator', 'Story', 'Data', '2026-03-01 00:00+00'
    );
    INSERT INTO experiment_events (experiment_id, event, at, reason, inputs)
    VALUES (
        '5f0c54a4-1f0a-4c0e-9a57-0c8f5d1f2b11', 'decided', '2026-03-09 00:00+00', 'T',
        '{"decision": "adopt", "control_share": 0.6}'
    )
"""


def test_a_batch_decides_of_each_day_what_that_day_decides_by_itself(engine: sa.Engine) -> None:
    """With a treatment adopted, a pivot, and a change so certain that what was before is forgotten."""
    fall(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(ADOPTED)
    days = days_between(FIRST, LAST)
    turn(engine, NOON, days)
    query = sa.text("SELECT * FROM generator_preferences_history ORDER BY day, account, generator_name")
    with engine.begin() as connection:
        alone = connection.execute(query).all()
        connection.exec_driver_sql(
            "TRUNCATE generator_preferences_history, generator_preferences;"
            " DELETE FROM stage_days WHERE stage = 'generator_preferences'"
        )
    windows = [Window.at(day, NOON) for day in days]
    filled = generator_preferences.STAGE.fill_batch(runtime_at(engine, NOON), windows)
    with engine.connect() as connection:
        assert connection.execute(query).all() == alone
    assert [one and one.rows for one in filled] == [6] * len(days)
    assert {row.as_of for row in rows(engine, "generator_preferences")} == {NOON}
    data, story = ([shares_on(engine, day)[name] for day in days] for name in ("Data", "Story"))
    assert data[7].probability < 0.5 < 0.6 <= data[8].probability
    assert (story[16].sample_size, story[17].sample_size) == (170, 30)
    assert story[16].probability < 0.2 < story[17].probability

"""Which stages stand still: never those of a loop that has just come up, nor those that are off."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from replyloop_assets.assets import STAGES
from replyloop_assets.automation.staleness import earlier_turn, find_stale
from replyloop_assets.settings import Features
from replyloop_assets_tests.automation.test_alerting import Daemon, rows

NOW = datetime(2026, 5, 1, 13, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
ON = Features()
STALE = "SELECT event_data ->> 'alert', event_data ->> 'message' FROM system_events ORDER BY 1"


def computed(engine: sa.Engine, at: datetime, *names: str) -> None:
    """The stages, or all, as computed for the running day at an instant."""
    days = [{"stage": name, "at": at} for name in names or [stage.name for stage in STAGES]]
    statement = """
        INSERT INTO stage_days (stage, day, as_of, closed, row_count, days_held)
        VALUES (:stage, '2026-05-01', :at, FALSE, 0, 0)
        ON CONFLICT (stage, day) DO UPDATE SET as_of = excluded.as_of
    """
    with engine.begin() as connection:
        connection.execute(sa.text(statement), days)


@pytest.fixture
def living(engine: sa.Engine) -> sa.Engine:
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO reply_opportunities (discovered_at) VALUES ('2026-04-01')")
    return engine


def test_a_turn_is_found_in_its_cron() -> None:
    assert earlier_turn("0 */6 * * *", NOW) == datetime(2026, 5, 1, 6, tzinfo=UTC)
    assert earlier_turn("0 */6 * * *", NOW - HOUR - timedelta(minutes=5)) == datetime(
        2026, 5, 1, 6, tzinfo=UTC
    )
    assert earlier_turn("20 0 * * *", NOW) == datetime(2026, 4, 30, 0, 20, tzinfo=UTC)
    assert earlier_turn("*/10 * * * *", NOW) == datetime(2026, 5, 1, 12, 50, tzinfo=UTC)


def test_what_missed_two_turns_is_stale_and_without_facts_nothing_is(
    living: sa.Engine, engine: sa.Engine
) -> None:
    computed(engine, NOW - timedelta(minutes=5))
    assert find_stale(engine, NOW, ON) == []
    computed(engine, NOW - timedelta(hours=1, minutes=30), "daily_rollup")
    (one,) = find_stale(engine, NOW, ON)
    assert str(one) == "daily_rollup has not been computed since 2026-05-01 11:35 UTC"
    assert one.cadence == "outcomes"
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM reply_opportunities")
    assert find_stale(engine, NOW, ON) == []


def test_each_stage_is_held_against_the_fastest_cadence_that_turns_it(living: sa.Engine) -> None:
    computed(living, NOW - 10 * HOUR)
    stale = {one.cadence: list(one.stages) for one in find_stale(living, NOW, ON)}
    assert set(stale) == {"outcomes", "chain"}
    assert "daily_rollup" in stale["outcomes"]
    assert "search_plan" in stale["chain"]
    assert not set(stale["outcomes"]) & set(stale["chain"])
    assert "experiments" in {one.cadence for one in find_stale(living, NOW + 54 * HOUR, ON)}


def test_a_component_that_is_off_is_never_stale(living: sa.Engine) -> None:
    off = Features(**dict.fromkeys(Features.model_fields, False))
    named = {name for one in find_stale(living, NOW, off) for name in one.stages}
    assert "daily_rollup" in named
    assert not named & {"search_plan", "experiment_results", "health_status", "strategy_allocation"}


def test_the_sensor_tells_once_and_only_of_turns_that_it_saw_pass(living: sa.Engine) -> None:
    computed(living, NOW - 100 * HOUR)
    daemon = Daemon(living)
    now = NOW
    while now < NOW + 3 * HOUR:
        daemon.tick(now)
        assert bool(rows(living, STALE)) == (now >= NOW + timedelta(hours=1, minutes=15))
        now += timedelta(minutes=5)
    ((key, message),) = rows(living, STALE)
    assert key == f"stale/outcomes/{(NOW - 100 * HOUR).isoformat()}"
    assert "have not been computed since 2026-04-27 09:05 UTC" in str(message)
    asleep = now + 200 * HOUR  # a closed lid
    daemon.tick(asleep)
    assert len(rows(living, STALE)) == 1
    while now < NOW + 20 * HOUR:
        daemon.tick(now)
        now += timedelta(minutes=9)
    assert len(rows(living, STALE)) == 1  # of the chain nobody has seen two turns since


def test_what_was_never_computed_is_stale_too(living: sa.Engine) -> None:
    (first, *_) = find_stale(living, NOW, ON)
    assert "at all" in str(first)

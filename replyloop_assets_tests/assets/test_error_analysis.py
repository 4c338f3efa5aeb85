"""The stage on real tables: what a bot may write, periods and their ends, alerts once, the past as it was."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from replyloop_assets.assets import error_analysis
from replyloop_assets.learning.incidents.grouping import MANY
from replyloop_assets.learning.incidents.settings import ErrorSettings
from replyloop_assets.partitions import Window
from replyloop_assets.warehouse.queries import read_sql
from replyloop_assets_tests.life import runtime_at

DAY = date(2026, 3, 20)
END = datetime(2026, 3, 21, tzinfo=UTC)  # the as-of of the closed day
LATER = END + timedelta(days=9)
TELL = sa.text("""
    INSERT INTO system_events (event_type, event_data, severity, created_at)
    VALUES (:type, CAST(:data AS JSONB), :severity, :at)
""")
Event = dict[str, Any]


def event(data: object, at: datetime, kind: str = "bot_error", severity: str = "error") -> Event:
    return {"type": kind, "data": json.dumps(data), "severity": severity, "at": at}


def said(message: str, *ages: float, component: str = "harvester", **more: str) -> list[Event]:
    """Errors with this message, so many days before the end of the day."""
    data = {"component": component, "message": message} | more
    return [event(data, END - timedelta(days=age)) for age in ages]


def tell(engine: sa.Engine, events: Sequence[Event]) -> None:
    with engine.begin() as connection:
        connection.execute(TELL, list(events))


def analyse(
    engine: sa.Engine, now: datetime = LATER, day: date = DAY, errors: ErrorSettings | None = None
) -> list[Any]:
    runtime = runtime_at(engine, now)
    if errors:
        settings = runtime.settings.model_copy(update={"errors": errors})
        runtime = replace(runtime, settings=settings)
    error_analysis.STAGE.fill(runtime, Window.at(day, now))
    query = 'SELECT * FROM error_analysis WHERE day = :day ORDER BY fingerprint COLLATE "C"'
    with engine.connect() as connection:
        return list(connection.execute(sa.text(query), {"day": day}))


def alerts(engine: sa.Engine) -> list[str]:
    query = """
        SELECT event_data ->> 'message' FROM system_events
        WHERE event_type = 'replyloop_alert' ORDER BY event_data ->> 'message' COLLATE "C"
    """
    with engine.connect() as connection:
        return list(connection.exec_driver_sql(query).scalars())


def test_of_nothing_there_is_no_row(engine: sa.Engine) -> None:
    assert analyse(engine) == []
    assert analyse(engine, END - timedelta(hours=5)) == []
    assert alerts(engine) == []


def test_of_what_ceased_long_ago_there_is_no_row(engine: sa.Engine) -> None:
    tell(engine, said("gone", 15, 16))
    assert analyse(engine) == []


def test_what_differs_from_case_to_case_is_one_error(engine: sa.Engine) -> None:
    times = [f"Rate limit exceeded, retry in {n} seconds" for n in (3, 15, 900)]
    tell(engine, [one for n, text in enumerate(times) for one in said(text, 0.5 + n, 8 + n)])
    (row,) = analyse(engine)
    assert (row.category, row.fingerprint) == ("rate_limit", "Rate limit exceeded, retry in <#>")
    assert (row.component, row.example) == ("harvester", times[0])
    assert (row.occurrences, row.previous_occurrences, row.last_day_occurrences) == (3, 3, 1)
    assert (row.first_seen_at, row.last_seen_at) == (END - timedelta(days=10), END - timedelta(days=0.5))
    assert (row.trend, row.as_of) == ("steady", END)


def test_a_period_holds_its_first_instant_and_not_its_end(engine: sa.Engine) -> None:
    tick = timedelta(microseconds=1)
    for days, name in ((0, "end"), (1, "day"), (7, "week"), (14, "fortnight"), (28, "lookback")):
        at = END - timedelta(days=days)
        tell(
            engine, [event({"message": f"{name} holds"}, at), event({"message": f"{name} before"}, at - tick)]
        )
    found = {row.fingerprint: row for row in analyse(engine)}
    counts = {
        name: (row.last_day_occurrences, row.occurrences, row.previous_occurrences)
        for name, row in found.items()
    }
    assert counts == {
        "end before": (1, 1, 0),
        "day holds": (1, 1, 0),
        "day before": (0, 1, 0),
        "week holds": (0, 1, 0),
        "week before": (0, 0, 1),
        "fortnight holds": (0, 0, 1),
    }
    tell(engine, said("lookback holds", 0, 0.5))
    tell(engine, said("lookback before", 0, 0.5))
    trends = {row.fingerprint: row.trend for row in analyse(engine)}
    assert (trends["lookback holds"], trends["lookback before"]) == ("steady", "new")


@pytest.mark.parametrize(
    ("data", "fingerprint"),
    [
        (None, "scrape_failed"),
        ([1, "timeout"], "scrape_failed"),
        (7, "scrape_failed"),
        (True, "scrape_failed"),
        ("plain words", "plain words"),
        ({}, "scrape_failed"),
        ({"component": "x", "detail": {"a": 1}}, "scrape_failed"),
        ({"message": "  \n "}, "scrape_failed"),
        ({"message": None, "error": "boom"}, "boom"),
        ({"error": {"name": "TypeError", "message": "x is no function"}}, "x is no function"),
        ({"error": {"deep": {"deeper": 1}}}, "<json>"),
        ({"message": {"nested": ["a"]}}, "<json>"),
        ({"message": "日本語 \u202e と \u0001 制御"}, "日本語 と 制御"),
        ({"message": "\U0001f600" * 300}, None),
        ({"message": "x" * 1_000_000}, None),
        ({"message": "1 2 " * 250_000, "component": "c" * 100_000, "category": "é" * 9000}, None),
    ],
    ids=range(16),
)
def test_a_bot_may_write_anything(engine: sa.Engine, data: object, fingerprint: str | None) -> None:
    tell(engine, [event(data, END - timedelta(hours=1), kind="scrape_failed")])
    (row,) = analyse(engine)
    assert len(row.fingerprint.encode()) <= 500
    assert len(row.example) <= 1000
    assert fingerprint is None or row.fingerprint == fingerprint


def test_sql_null_for_data_type_and_severity(engine: sa.Engine) -> None:
    nothing = "INSERT INTO system_events (event_type, event_data, severity, created_at) VALUES"
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                f"{nothing} (NULL, NULL, 'error', :at), ('a', NULL, NULL, :at), ('b', NULL, 'error', NULL)"
            ),
            {"at": END - timedelta(hours=1)},
        )
    (row,) = analyse(engine)
    assert (row.fingerprint, row.component, row.category) == ("(no message)", None, "other")


def test_what_is_no_error_does_not_count(engine: sa.Engine) -> None:
    at = END - timedelta(hours=1)
    tell(engine, [event({"message": word}, at, severity=word) for word in ("info", "warning", "error")])
    tell(engine, [event({"message": "fatal"}, at, severity="CRITICAL")])
    alert = {"alert": "x", "message": "an alert"}
    tell(engine, [event(alert, at, kind="replyloop_alert", severity="critical")])
    tell(engine, [event({"component": "chain", "message": "OOM"}, at, kind="run_failure")])
    assert [row.fingerprint for row in analyse(engine)] == ["OOM", "error", "fatal"]


def test_an_events_own_category_wins_and_the_leading_component_is_named(engine: sa.Engine) -> None:
    tell(engine, said("socket hang up", 1.5, 2.5, category="Outer Space!"))
    tell(engine, said("socket hang up", 1.5, component="poster"))
    tell(engine, said("socket hang up", 2.5, component="Zeta"))
    rows = {row.category: row for row in analyse(engine)}
    assert (rows["outer_space"].component, rows["outer_space"].occurrences) == ("harvester", 2)
    assert (rows["network"].component, rows["network"].occurrences) == ("Zeta", 2)  # of equals, by code point


def every(days: Sequence[int], times: int) -> list[float]:
    return [day + (n + 0.5) / times for day in days for n in range(times)]


def test_trends(engine: sa.Engine) -> None:
    tell(engine, said("steady", *every(range(28), 4)))
    tell(engine, said("surging", *every(range(1, 28), 2), *every([0], 60)))
    tell(engine, said("rising", *every(range(7), 30), *every(range(7, 28), 8)))
    tell(engine, said("falling", *every(range(7), 8), *every(range(7, 28), 30)))
    tell(engine, said("ceased", *every(range(7, 28), 2)))
    tell(engine, said("new", *every([0], 9)))
    tell(engine, said("gone long ago", *every(range(20, 28), 5)))
    rows = analyse(engine)
    assert {row.fingerprint: row.trend for row in rows} == {
        word: word for word in ("steady", "surging", "rising", "falling", "ceased", "new")
    }
    p_values = {row.fingerprint: row.p_value for row in rows}
    assert p_values["steady"] > 0.2
    assert max(p_values["rising"], p_values["falling"]) < 1e-6


def test_the_order_of_arrival_and_the_hour_of_filling_change_nothing(engine: sa.Engine) -> None:
    draw = random.Random(3)
    users = [
        f"no user {name} at {draw.randrange(99)}" for name in "ann bob cy dee ed flo gus hal ida".split()
    ]
    events = [one for text in users for one in said(text, draw.uniform(-1, 20), draw.uniform(0, 9))]
    tell(engine, events)
    first = analyse(engine, END)
    assert [row.fingerprint for row in first] == ["no user <*> at <#>"]
    assert analyse(engine, LATER) == first
    with engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE system_events")
    tell(engine, events[::-1])
    assert analyse(engine, LATER + timedelta(days=40)) == first


def test_new_and_surging_errors_are_told_once(engine: sa.Engine) -> None:
    now = END - timedelta(hours=6)
    tell(engine, said("disk full", 0.3, 0.4))
    tell(engine, said("tls broken", *every(range(1, 28), 1), *[0.3] * 50))
    tell(engine, said("as ever", *every(range(28), 3)))
    assert len(analyse(engine, now)) == 3
    told = alerts(engine)
    assert told == [
        "New error (resource in harvester), 2 times in 24 hours: disk full",
        "Surging error (network in harvester), 50 times in 24 hours, 56 in 7 days: tls broken",
    ]
    for later in (now, now + timedelta(hours=4), END + timedelta(hours=2)):  # the next day too
        analyse(engine, later, later.date())
        assert alerts(engine) == told


def test_an_operator_is_not_flooded(engine: sa.Engine) -> None:
    now = END - timedelta(hours=6)
    for n, word in enumerate("alpha beta gamma delta epsilon zeta eta theta".split()):
        tell(engine, said(f"{word} broke", *[0.4] * (n + 1)))
    analyse(engine, now)
    told = alerts(engine)
    assert len(told) == 6
    assert told[0] == "3 more errors are new or surging today: see error_analysis."
    assert any("8 times in 24 hours: theta broke" in text for text in told)
    tell(engine, said("another broke", 0.3))
    analyse(engine, now + timedelta(hours=1))
    assert alerts(engine) == told


def test_a_past_window_tells_nothing(engine: sa.Engine) -> None:
    tell(engine, said("disk full", 0.3))
    assert [row.trend for row in analyse(engine, END)] == ["new"]
    assert alerts(engine) == []


@pytest.mark.parametrize("bound", [{"most_messages": 3}, {"most_characters": len("often tie a late one")}])
def test_beyond_the_most_frequent_messages_only_the_number_is_known(
    engine: sa.Engine, bound: dict[str, int]
) -> None:
    tell(engine, said("often", 0.1, 5.5, 9.5))
    tell(engine, [*said("tie b", 3.5), *said("tie a", 3.5), *said("late one", 2.5)])
    tell(engine, said("older one", 4.5) + said("oldest one", 8.5, component="poster"))
    rows = {row.fingerprint: row for row in analyse(engine, errors=ErrorSettings(**bound))}
    assert set(rows) == {"often", "tie a", "late one", MANY}
    rest = rows[MANY]
    assert (rest.component, rest.category, rest.example) == ("harvester", "other", MANY)
    assert (rest.occurrences, rest.previous_occurrences) == (2, 1)
    assert (rest.first_seen_at, rest.last_seen_at) == (END - timedelta(days=8.5), END - timedelta(days=3.5))


@pytest.mark.parametrize(("bound", "hours"), [({}, 0), ({"most_messages": 2}, 7)])
def test_windows_analysed_together_are_those_analysed_one_by_one(
    engine: sa.Engine, bound: dict[str, int], hours: int
) -> None:
    """Closed days and the running one, whose periods end at another hour, or at the same midnight."""
    tell(engine, said("often", *every(range(40), 2)) + said("once", 17.3, component="poster"))
    tell(
        engine,
        said("at midnight", 1, 8, 29) + said("of late", *every([-1, 0], 9)) + said("never again", 39.5),
    )
    now = END + timedelta(hours=hours)
    settings = runtime_at(engine, now).settings.model_copy(update={"errors": ErrorSettings(**bound)})
    runtime = replace(runtime_at(engine, now), settings=settings)
    windows = [Window.at(now.date() - timedelta(days=age), now) for age in (0, 1, 2, 13, 14, 28, 40, 45)]
    filled = []
    for batches in ([[window] for window in windows], [windows], [windows[:3], windows[:2:-1]]):
        counts = [one for batch in batches for one in error_analysis.STAGE.fill_batch(runtime, batch)]
        assert [one.rows if one else None for one in counts].count(0) == 1  # of the oldest day
        with engine.connect() as connection:
            rows = connection.exec_driver_sql(
                "SELECT * FROM error_analysis ORDER BY day, category, fingerprint"
            )
            filled.append(list(rows))
    assert filled[0] == filled[1] == filled[2]
    assert any(row.fingerprint == MANY for row in filled[0]) == bool(bound)


def test_a_further_name_is_no_new_error(engine: sa.Engine) -> None:
    tell(engine, said("no such user ann here", 9.5) + said("no such user bob here", 0.5))
    tell(engine, said("no such page cyd there", 0.5) + said("no such page dee there", 0.5))
    assert {row.fingerprint: row.trend for row in analyse(engine)} == {
        "no such user ann here": "ceased",
        "no such user bob here": "steady",
        "no such page cyd there": "new",
        "no such page dee there": "new",
    }


def test_no_example_tells_a_secret(engine: sa.Engine) -> None:
    tell(engine, said("login with password=hunter refused", 0.5))
    (row,) = analyse(engine)
    assert row.example == row.fingerprint == "login with password=<secret> refused"


def test_what_was_told_after_the_as_of_is_not_known(engine: sa.Engine) -> None:
    query = read_sql("stages/error_analysis_told")
    keys = {"error/at": END, "error/after": END + timedelta(seconds=1), "error/old": END - timedelta(days=8)}
    tell(engine, [event({"alert": key}, at, kind="replyloop_alert") for key, at in keys.items()])
    with engine.connect() as connection:
        told = connection.execute(sa.text(query), {"as_of": END, "quiet_days": 7}).scalars()
        assert list(told) == ["error/at"]

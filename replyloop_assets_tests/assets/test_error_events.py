"""What error analysis reads of an event, whatever a bot calls things, and what it tells after a silence."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from replyloop_assets.learning.incidents.telling import CUT
from replyloop_assets_tests.assets.test_error_analysis import (
    END,
    Event,
    alerts,
    analyse,
    event,
    every,
    said,
    tell,
)

HOUR_AGO = END - timedelta(hours=1)
RECORD = sa.text("SELECT record_error('poster', :message, :severity)")


def record(engine: sa.Engine, message: str, severity: str = "error") -> Any:
    """Tell an error through the function, and take away again what is stored of it."""
    with engine.begin() as connection:
        connection.execute(RECORD, {"message": message, "severity": severity})
        stored = "DELETE FROM system_events RETURNING event_data ->> 'message', severity"
        return tuple(connection.exec_driver_sql(stored).one())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"error_message": "boom"}, "boom"),
        ({"errorMessage": "boom"}, "boom"),
        ({"err": {"message": "boom", "code": 7}}, "boom"),
        ({"err": "boom"}, "boom"),
        ({"stack": "Error: boom\n    at run (a.js:1:2)"}, "Error: boom"),
        ({"description": "boom"}, "boom"),
        ({"errors": [{"message": "boom"}, {"message": "other"}]}, "boom"),
        ({"errors": ["boom"]}, "boom"),
        ({"message": "post failed", "error": "ETIMEDOUT"}, "post failed: ETIMEDOUT"),
        ({"message": "post failed", "error": {"message": "login wall"}}, "post failed: login wall"),
        ({"message": "post failed: ETIMEDOUT", "error": "ETIMEDOUT"}, "post failed: ETIMEDOUT"),
        ({"message": "post failed", "error": {"n": 7}}, "post failed"),
        ({"message": "post failed", "error": 7}, "post failed"),
    ],
    ids=str,
)
def test_an_error_is_read_by_whatever_name_it_goes(engine: sa.Engine, data: object, message: str) -> None:
    tell(engine, [event(data, HOUR_AGO)])
    assert [row.fingerprint for row in analyse(engine)] == [message]


@pytest.mark.parametrize(
    ("told", "level"),
    [
        ("WARNING", "warning"),
        (" warn", "warning"),
        ("INFO", "info"),
        ("debug", "info"),
        ("Critical\n", "critical"),
        ("FATAL", "critical"),
        ("err", "error"),
        ("error ", "error"),
        ("odd", "error"),
    ],
)
def test_a_severity_is_what_it_means(engine: sa.Engine, told: str, level: str) -> None:
    assert record(engine, "boom", told) == ("boom", level)
    tell(engine, [event({"message": "boom"}, HOUR_AGO, severity=told)])
    assert len(analyse(engine)) == (level in ("error", "critical"))


def test_of_no_severity_the_function_makes_an_error_and_a_row_of_the_bots_none(engine: sa.Engine) -> None:
    assert record(engine, "boom", "")[1] == "error"
    tell(engine, [event({"message": "told of nothing"}, HOUR_AGO, severity="")])
    assert analyse(engine) == []


FRAMES = 'Traceback (most recent call last):\n  File "/app/a.py", line 3, in run\n    go()\n'


def test_a_long_traceback_tells_what_was_raised(engine: sa.Engine) -> None:
    long = f"{FRAMES}IntegrityError: duplicate key\n[parameters: {'x y=1, ' * 1200}]\n(Background on this)"
    deep = FRAMES * 400 + "KeyError: 'deep'"
    tell(engine, [event({"message": long}, HOUR_AGO), event({"message": deep}, HOUR_AGO)])
    assert [row.fingerprint for row in analyse(engine)] == [
        "IntegrityError: duplicate key",
        "KeyError: 'deep'",
    ]


def test_of_what_is_too_long_both_ends_are_kept_and_the_fragment_is_no_exception(engine: sa.Engine) -> None:
    chain = f"{FRAMES}KeyError: 'first'\n\nDuring handling of it:\n\n{FRAMES * 100}"
    long = f"{chain}IntegrityError: duplicate key\n[parameters: {'x y=1, ' * 5000}]\n(Background on this)"
    stored, _ = record(engine, long)
    assert len(stored) <= 10_000
    assert (stored[:4990], stored[-4990:]) == (long[:4990], long[-4990:])
    assert stored.splitlines().count(CUT) == 1
    assert record(engine, stored)[0] == stored
    tell(engine, [event({"message": text}, HOUR_AGO) for text in (long, stored)])
    (row,) = analyse(engine)
    assert (row.fingerprint, row.occurrences) == ("KeyError: 'first'", 2)


def weekend() -> list[Event]:
    """An error that came while nothing looked, and comes still."""
    return said("tls broken", *[26 / 24] * 4, *every([0], 50))


def test_what_came_while_nothing_looked_is_told_as_new_once(engine: sa.Engine) -> None:
    tell(engine, weekend() + said("came and went", 2.5, 2.6) + said("as ever", *every(range(28), 3)))
    now = END - timedelta(seconds=1)
    rows = {row.fingerprint: row.trend for row in analyse(engine, now)}
    assert rows == {"tls broken": "steady", "came and went": "steady", "as ever": "steady"}
    told = alerts(engine)
    assert told == [
        "New error (network in harvester) since 2026-03-19, 50 times in 24 hours, 54 in 7 days: tls broken",
        "New error (other in harvester) since 2026-03-18, 0 times in 24 hours, 2 in 7 days: came and went",
    ]
    for later in (now, END + timedelta(hours=2), END + timedelta(days=3)):
        analyse(engine, later, later.date())
        assert alerts(engine) == told
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM system_events WHERE event_type = 'replyloop_alert'")
    assert {row.fingerprint: row.trend for row in analyse(engine, END)} == rows


def test_what_was_told_among_the_rest_is_not_told_later(engine: sa.Engine) -> None:
    for n, word in enumerate("alpha beta gamma delta epsilon zeta eta theta".split()):
        tell(engine, said(f"{word} broke", *[0.4] * (n + 1)))
    tell(engine, said("it broke while nothing looked", 2.5))
    analyse(engine, END - timedelta(hours=6))
    told = alerts(engine)
    assert len(told) == 6
    for days in (1, 2):
        later = END + timedelta(days=days, hours=2)
        assert {row.trend for row in analyse(engine, later, later.date())} == {"steady"}
        assert alerts(engine) == told


def test_of_names_that_came_while_nothing_looked_the_first_is_told(engine: sa.Engine) -> None:
    tell(engine, said("no such user ann here", 2.5) + said("no such user bob here", 1.4))
    analyse(engine, END - timedelta(hours=6))
    assert [text.rpartition(": ")[2] for text in alerts(engine)] == ["no such user ann here"]

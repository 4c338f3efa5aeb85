"""The alert sensor with a real receiver and real tables: who is told, once, and what stays secret."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread

import dagster as dg
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from replyloop_assets.assets.stage import Runtime
from replyloop_assets.automation.alerting import alert_sensor
from replyloop_assets.operator.alerts import raise_alert
from replyloop_assets.operator.deliveries import MOST_ATTEMPTS, claim_alert
from replyloop_assets.settings import load_settings
from replyloop_assets_tests.commands import free_port
from replyloop_assets_tests.receivers import SECRET, receiving

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class Daemon:
    """The sensor, ticking: its cursor is kept from tick to tick."""

    def __init__(self, engine: sa.Engine, url: str | None = None, cursor: str | None = None) -> None:
        secret = SecretStr(url) if url else None
        settings = load_settings().model_copy(update={"alert_webhook_url": secret})
        self.runtime = Runtime(engine, settings)
        self.cursor = cursor

    def tick(self, now: datetime) -> str:
        runtime = replace(self.runtime, now=lambda: now)
        context = dg.build_sensor_context(cursor=self.cursor, resources={"runtime": runtime})
        answer = alert_sensor(context)
        assert isinstance(answer, dg.SkipReason)
        self.cursor = context.cursor
        return str(answer.skip_message)


def alert(engine: sa.Engine, key: str, at: datetime = NOW, message: str = "Something is wrong.") -> None:
    with engine.begin() as connection:
        raise_alert(connection, key, "health", message, at)


def rows(engine: sa.Engine, query: str) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def everything(engine: sa.Engine) -> str:
    return json.dumps(rows(engine, "SELECT * FROM system_events") + rows(engine, DELIVERIES), default=str)


DELIVERIES = (
    "SELECT alert, attempts, delivered_at IS NOT NULL, last_error FROM alert_deliveries ORDER BY alert"
)


def test_each_alert_is_delivered_once_and_none_from_before_the_webhook(engine: sa.Engine) -> None:
    alert(engine, "old", NOW - 25 * HOUR)
    alert(engine, "a", NOW - 2 * HOUR, "First.")
    alert(engine, "b", NOW - HOUR, "Second.")
    assert Daemon(engine).tick(NOW) == "No webhook is set: alerts stay in system_events."
    with receiving(200) as receiver:
        daemon = Daemon(engine, receiver.url)
        assert daemon.tick(NOW) == "Alerts delivered: 2."
        assert daemon.tick(NOW + MINUTE) == "No alert waits."
        alert(engine, "c", NOW + HOUR, "Third.")
        assert daemon.tick(NOW + HOUR) == "Alerts delivered: 1."
    assert [text.rpartition(": ")[2] for text in receiver.texts] == ["First.", "Second.", "Third."]
    assert rows(engine, DELIVERIES) == [(key, 1, True, None) for key in "abc"]


def test_a_receiver_that_fails_is_tried_again_later_and_a_tick_ends_with_the_first_failure(
    engine: sa.Engine,
) -> None:
    alert(engine, "a")
    alert(engine, "b", NOW + timedelta(seconds=1))
    with receiving(500, 500, 200) as receiver:
        daemon = Daemon(engine, receiver.url)
        assert daemon.tick(NOW) == "Alerts delivered: 0; the next could not be: it answered 500."
        assert daemon.tick(NOW + MINUTE / 2) == "Alerts delivered: 0; the next could not be: it answered 500."
        assert rows(engine, DELIVERIES) == [
            ("a", 1, False, "it answered 500"),
            ("b", 1, False, "it answered 500"),
        ]
        assert daemon.tick(NOW + MINUTE / 2 + timedelta(seconds=1)) == "No alert waits."
        assert daemon.tick(NOW + 2 * MINUTE) == "Alerts delivered: 2."
    assert rows(engine, DELIVERIES) == [("a", 2, True, None), ("b", 2, True, None)]


def test_a_receiver_that_asks_for_a_pause_is_left_alone(engine: sa.Engine) -> None:
    alert(engine, "a")
    with receiving((429, {"Retry-After": "300"}), 200) as receiver:
        daemon = Daemon(engine, receiver.url)
        daemon.tick(NOW)
        alert(engine, "b", NOW + MINUTE)
        assert daemon.tick(NOW + 4 * MINUTE) == "The receiver asked to be left alone until 12:05:00 UTC."
        assert len(receiver.got) == 1
        assert daemon.tick(NOW + 5 * MINUTE) == "Alerts delivered: 2."


def test_a_dead_receiver_is_given_up_after_about_a_day_and_that_is_said(engine: sa.Engine) -> None:
    alert(engine, "a")
    daemon = Daemon(engine, f"http://127.0.0.1:{free_port()}/{SECRET}")
    now = NOW
    tried = []
    while now < NOW + timedelta(days=3):
        if "nothing listens" in daemon.tick(now):
            tried.append(now)
        now += 5 * MINUTE if now < NOW + 5 * HOUR else HOUR
    assert len(tried) == MOST_ATTEMPTS
    assert 18 * HOUR < tried[-1] - tried[0] < 30 * HOUR
    events = (
        "SELECT severity, event_data ->> 'message' FROM system_events WHERE event_type = 'alert_undelivered'"
    )
    said = "An alert was not delivered in 12 attempts, the last time as nothing listens there."
    assert rows(engine, events) == [("error", said)]


def test_two_daemons_at_once_deliver_once(engine: sa.Engine) -> None:
    for number in range(8):
        alert(engine, f"alert {number}", NOW - number * MINUTE)
    with receiving(200, linger_s=0.1) as receiver:
        daemons = [Thread(target=Daemon(engine, receiver.url).tick, args=[NOW]) for _ in range(3)]
        for daemon in daemons:
            daemon.start()
        for daemon in daemons:
            daemon.join()
        Daemon(engine, receiver.url).tick(NOW + timedelta(seconds=1))
    assert len(receiver.got) == 8
    assert {row[1:3] for row in rows(engine, DELIVERIES)} == {(1, True)}


def test_a_daemon_that_died_on_the_way_is_made_up_for(engine: sa.Engine) -> None:
    alert(engine, "a")
    assert claim_alert(engine, NOW)
    assert claim_alert(engine, NOW) is None
    with receiving(200) as receiver:
        daemon = Daemon(engine, receiver.url)
        daemon.tick(NOW + MINUTE / 2)
        assert receiver.got == []
        daemon.tick(NOW + MINUTE)
        assert len(receiver.got) == 1


@pytest.mark.parametrize("answer", [500, (302, {"Location": f"http://127.0.0.1:9/{SECRET}"})])
def test_the_url_is_written_nowhere(
    engine: sa.Engine, answer: int | tuple[int, dict[str, str]], capfd: pytest.CaptureFixture[str]
) -> None:
    alert(engine, "a")
    with receiving(answer) as receiver:
        daemon = Daemon(engine, receiver.url)
        said = [daemon.tick(NOW)]
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE alert_deliveries SET attempts = 11")
        said.append(daemon.tick(NOW + timedelta(days=1)))
        settings = daemon.runtime.settings
    written = capfd.readouterr()
    whole = everything(engine) + json.dumps(said) + str(daemon.cursor) + written.out + written.err
    whole += repr(settings) + settings.model_dump_json()
    assert "alert_undelivered" in whole
    for part in (SECRET, *SECRET.split("/"), receiver.url.split("/")[2], "/services"):
        assert part not in whole


def test_a_tick_that_fails_for_another_reason_does_not_tell_the_url(engine: sa.Engine) -> None:
    with receiving(200) as receiver, engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE alert_deliveries")
    with pytest.raises(Exception, match="alert_deliveries") as caught:
        Daemon(engine, receiver.url).tick(NOW)
    assert SECRET not in repr(caught.getrepr(showlocals=False))


@pytest.mark.parametrize("cursor", ["", "{}", "nonsense", '{"since": 1, "seen": null, "quiet_until": 2}'])
def test_a_cursor_that_is_none_is_a_new_beginning(engine: sa.Engine, cursor: str) -> None:
    daemon = Daemon(engine, cursor=cursor)
    daemon.tick(NOW)
    assert json.loads(str(daemon.cursor)) == {"since": str(NOW), "seen": str(NOW), "quiet_until": None}

"""`replyloop alerts` and the health in `replyloop status`, as a person meets them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from unittest.mock import MagicMock

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from replyloop_assets.automation import instance
from replyloop_assets.cli import workplace as work
from replyloop_assets.operator.alerts import raise_alert
from replyloop_assets.operator.deliveries import MOST_ATTEMPTS
from replyloop_assets.reporting.alerts import read_alerts, render_alerts
from replyloop_assets.reporting.status import read_status
from replyloop_assets.settings import load_settings
from replyloop_assets_tests.commands import Shell, free_port, new_shell, says_one_sentence
from replyloop_assets_tests.receivers import SECRET, receiving

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOSTILE = "Replies\x1b[31m bring\nless."


@pytest.fixture
def shell() -> Iterator[Shell]:
    with new_shell() as shell:
        yield shell


def with_webhook(shell: Shell, url: str) -> Shell:
    return Shell(shell.home, shell.variables | {"REPLYLOOP_ALERT_WEBHOOK_URL": url})


def told(engine: sa.Engine, *keys: str) -> None:
    """Alerts, the later ones a minute younger."""
    with engine.begin() as connection:
        for number, key in enumerate(keys):
            raise_alert(connection, key, "health", HOSTILE, NOW - (len(keys) - number) * MINUTE)


def test_each_alert_says_how_far_it_has_come(engine: sa.Engine) -> None:
    assert render_alerts(read_alerts(engine, True, 10, NOW)) == "There was no alert yet."
    told(engine, "delivered", "tried", "given up", "waits")
    deliveries = f"""
        INSERT INTO alert_deliveries (alert, attempts, attempted_at, delivered_at, last_error) VALUES
        ('delivered', 1, '2026-05-01 12:00Z', '2026-05-01 12:01Z', NULL),
        ('tried', 1, '2026-05-01 12:00Z', NULL, 'it answered 500'),
        ('given up', {MOST_ATTEMPTS}, '2026-05-01 12:00Z', NULL, 'nothing listens there')
    """
    with engine.begin() as connection:
        connection.exec_driver_sql(deliveries)
    found = read_alerts(engine, True, 10, NOW)
    assert [(row["alert"], row["delivery"]) for row in found["alerts"]] == [
        ("waits", "waits"),
        ("given up", "given up after 12 attempts: nothing listens there"),
        ("tried", "not delivered yet, after 1 attempt: it answered 500"),
        ("delivered", "delivered 2026-05-01 12:01 UTC"),
    ]
    text = render_alerts(found)
    assert text.startswith("2026-05-01 11:59 UTC  warning: health: Replies [31m bring less.\n    waits\n")
    assert len(read_alerts(engine, True, 2, NOW)["alerts"]) == 2
    (newest, *_) = read_alerts(engine, False, 10, NOW)["alerts"]
    assert newest["delivery"] == "not sent: no webhook is set"
    (newest, *_) = read_alerts(engine, True, 10, NOW + timedelta(days=2))["alerts"]
    assert newest["delivery"] == "not sent: too old when a webhook was set"


def test_the_command_lists_alerts(shell: Shell, engine: sa.Engine) -> None:
    told(engine, "a", "b")
    on_url = shell.with_url(engine.url.render_as_string(hide_password=False))
    answer = on_url.succeed("alerts", "--json", "--most", 1).json
    assert answer["webhook"] is False
    assert [row["alert"] for row in answer["alerts"]] == ["b"]


def test_a_test_message_needs_no_database_and_says_whether_it_arrived(shell: Shell) -> None:
    says_one_sentence(shell.run("alerts", "--test"), "put its URL into REPLYLOOP_ALERT_WEBHOOK_URL")
    with receiving(200, 500) as receiver:
        there = with_webhook(shell, receiver.url)
        assert there.succeed("alerts", "--test").out == "The test message arrived.\n"
        assert receiver.texts == ["replyloop info: test: alerts arrive here."]
        failed = there.run("alerts", "--test")
    says_one_sentence(failed, "The test message did not arrive, as it answered 500")
    dead = with_webhook(shell, f"http://127.0.0.1:{free_port()}/{SECRET}").run("alerts", "--test")
    says_one_sentence(dead, "as nothing listens there")
    wrong = with_webhook(shell, f"gopher://127.0.0.1/{SECRET}").run("alerts", "--test")
    says_one_sentence(wrong, "it must be one URL that begins with https:// or http://")
    for done in (failed, dead, wrong):
        assert SECRET not in done.out + done.err
    assert list(shell.home.iterdir()) == []


@pytest.mark.parametrize("suffix", ["", "_demo"])
def test_what_happens_in_the_demo_alerts_nobody(suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = SecretStr("https://hooks.example.com/x")
    known = load_settings().model_copy(update={"alert_webhook_url": url})
    databases = MagicMock(from_settings=lambda *_: MagicMock())
    given: list[dict[str, str]] = []
    monkeypatch.setattr("replyloop_assets.settings.load_settings", lambda: known)
    monkeypatch.setattr(
        "replyloop_assets.warehouse.databases.Databases", MagicMock(from_settings=lambda *_: databases)
    )
    monkeypatch.setattr("replyloop_assets.warehouse.engine.create_engine", MagicMock())
    monkeypatch.setattr("replyloop_assets.automation.serving.serve", lambda *of: given.append(of[2]))
    monkeypatch.setattr(instance, "instance_environment", lambda *_: {})
    with work.workplace(suffix) as place:
        work.run_server(place, 1)
    assert given == [{"REPLYLOOP_ALERT_WEBHOOK_URL": ""} if suffix else {}]


def test_the_status_holds_three_sentences_from_the_newest_rows(engine: sa.Engine) -> None:
    rows = """
        INSERT INTO health_status (day, as_of, days_held, status, recent_avg_followers,
            historical_avg_followers, degradation, sample_size_recent, sample_size_historical,
            pivot_warranted, reason, rule, cusum, threshold, pivot_threshold, baseline_mean, baseline_sd,
            baseline_days, segment_started_on, segment_replies, segment_mean, episode_started_at)
        VALUES ('2026-05-01', '2026-05-01 11:00Z', 200, 'degraded', 2.0, 4.0, 0.5, 140, 600, TRUE,
            'Less.', 'default', 14, 5, 9, 1.1, 0.2, 90, '2026-04-20', 220, 0.6, '2026-04-22');
        INSERT INTO pivots (id, episode_started_at, opened_at, closed_at, opened_reason, closed_reason) VALUES
        (gen_random_uuid(), '2026-01-01', '2026-01-02', '2026-01-20', 'Less.', 'Recovered.'),
        ('00000000-0000-0000-0000-000000000001', '2026-04-22', '2026-04-28', NULL, 'Less.', NULL);
        INSERT INTO experiments (experiment_name, hypothesis, control_strategy, treatment_strategy,
            dimension, started_at, pivot_id)
        VALUES ('A instead of B', 'More', 'B', 'A', 'generator', '2026-04-28',
            '00000000-0000-0000-0000-000000000001');
        INSERT INTO error_analysis (day, as_of, category, fingerprint, occurrences, previous_occurrences,
            first_seen_at, last_seen_at, trend)
        VALUES ('2026-05-01', now(), 'network', 'x', 7, 0, now(), now(), 'new'),
        ('2026-04-30', now(), 'old', 'x', 7, 0, now(), now(), 'new'),
        ('2026-05-01', now(), 'steady', 'x', 7, 7, now(), now(), 'steady')
    """
    with engine.begin() as connection:
        connection.exec_driver_sql(rows)
    status = read_status(engine, load_settings(), [], ["search_plan has not been computed at all"], NOW)
    health = json.loads(json.dumps(status["health"], default=str))
    assert (health["status"], health["pivot_warranted"], health["reason"]) == ("degraded", True, "Less.")
    assert {"degradation", "p_value", "as_of"} <= set(health)
    wrong, sure, done = health["sentences"]
    assert wrong.startswith("Replies bring less since 2026-04-20")
    assert wrong.endswith(
        "; search_plan has not been computed at all; errors of network are new (7 in 7 days)."
    )
    assert "sure enough for a pivot" in sure
    assert "A pivot is open since 2026-04-28" in done
    assert "the experiment A instead of B" in done
    assert "old" not in wrong

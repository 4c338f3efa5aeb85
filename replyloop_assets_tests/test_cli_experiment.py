"""`replyloop experiment`: what is said before the start, what is shown, and what is refused."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from replyloop_assets.cli_experiment import experiment
from replyloop_assets.errors import ReplyloopError
from replyloop_assets.settings import load_settings

PAIR = ("--control", "ResearchSynthesizer", "--treatment", "PersonalStory")


@pytest.fixture
def loop(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[sa.Engine]:
    """A database that the command finds by its variable."""
    monkeypatch.setenv("REPLYLOOP_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    load_settings.cache_clear()
    yield engine
    load_settings.cache_clear()


def run(*words: str) -> str:
    result: Result = CliRunner().invoke(experiment, words, env={"COLUMNS": "200"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def facts(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(sa.text("SELECT * FROM experiment_events ORDER BY at, event")))


def test_create_says_what_it_can_find_and_warns_where_that_is_too_little(loop: sa.Engine) -> None:
    told = run("create", *PAIR, "--per-day", "20")
    assert "With 20 replies a day, 10% treated, 60 days: a lift of +" in told
    assert "Warning: A lift of +50% is found with a chance of" in told
    assert "20% treated over 60 days would find it" in told
    assert [fact.event for fact in facts(loop)] == ["created", "started"]
    answer = json.loads(
        run("create", *PAIR, "--family", "format", "--per-day", "100", "--share", "0.5", "--json")
    )
    assert answer["warning"] is None
    assert 0.2 <= answer["least_lift"] < 0.3
    shown = json.loads(run("show", answer["id"][:8], "--json"))
    assert shown["status"] == "running"
    assert shown["treatment_allocation_pct"] == "50.00"
    assert shown["looks"] == []


def test_by_default_the_forecast_rests_on_what_was_seen(loop: sa.Engine) -> None:
    with loop.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO daily_rollup"
                " SELECT day, now(), 'all', 'all', 'followers_gained', 100, 100, 40, 20, 500, 30000, 78,"
                " 190, 67, 180, '{}', '{}'"
                " FROM generate_series(DATE '2026-03-01', '2026-03-20', '1 day') AS day"
            )
        )
    answer = json.loads(run("create", *PAIR, "--json"))
    assert answer["plan"] == {"per_day": 100, "share": 0.1, "days": 60}
    assert answer["warning"] is None
    shared = json.loads(run("create", "--control", "A", "--treatment", "B", "--json"))
    assert shared["plan"]["per_day"] == 50, "the family's replies are shared by its experiments"


def test_stopping_is_a_fact_with_its_reason(loop: sa.Engine) -> None:
    run("create", *PAIR, "--per-day", "100", "--name", "Stories")
    assert "Stories is stopped." in run("stop", "Stories", "--reason", "The season is over.")
    last = facts(loop)[-1]
    assert (last.event, last.reason) == ("stopped", "The season is over.")
    shown = run("show", "Stories")
    assert "stopped: The season is over." in shown
    assert "inconclusive" in run("list")
    with pytest.raises(ReplyloopError, match="already"):
        run("stop", "Stories", "--reason", "again")


def test_a_suggestion_is_started_by_its_id(loop: sa.Engine) -> None:
    with loop.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO experiments (id, experiment_name, hypothesis, strategy_type, control_strategy,"
                " treatment_strategy, status, started_at) VALUES ('00000000-0000-4000-8000-000000000001',"
                " 'B instead of A', 'B may be better', 'generator', 'A', 'B', 'suggested', NULL)"
            )
        )
    assert "suggested" in run("list")
    told = run("create", "--from-suggestion", "00000000", "--per-day", "100", "--share", "0.2")
    assert "B instead of A runs as 00000000-" in told
    with pytest.raises(ReplyloopError, match="already tests B against A"):
        run("create", "--from-suggestion", "00000000", "--per-day", "100")
    (row,) = json.loads(run("list", "--json"))["experiments"]
    assert (row["status"], row["treatment_allocation_pct"]) == ("running", "20.00")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("create", "--per-day", "9"), "Name both --control and --treatment"),
        (("create", "--control", "A", "--treatment", "A", "--per-day", "9"), "against itself"),
        (("create", *PAIR, "--family", "mood", "--per-day", "9"), "mood is no family"),
        (("create", *PAIR), "say with --per-day"),
        (("create", *PAIR, "--per-day", "9", "--days", "400"), "HORIZON_DAYS=60"),
        (("create", "--from-suggestion", "ffff", "--per-day", "9"), "There is no experiment ffff"),
        (("show", "ffff"), "There is no experiment ffff"),
        (("stop", "ffff", "--reason", " "), "Say why"),
    ],
)
def test_what_cannot_be_is_one_sentence(loop: sa.Engine, words: tuple[str, ...], why: str) -> None:
    with pytest.raises(ReplyloopError, match=why) as raised:
        run(*words)
    assert "\n" not in str(raised.value)
    assert not facts(loop), "nothing is left half done"


def test_nothing_yet_says_what_to_do(loop: sa.Engine) -> None:
    assert "replyloop experiment create" in run("list")

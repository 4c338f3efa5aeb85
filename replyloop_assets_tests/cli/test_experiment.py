"""`replyloop experiment`: what is said before the start, what is shown, and what is refused."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from replyloop_assets.cli.experiment import experiment
from replyloop_assets.errors import ReplyloopError
from replyloop_assets.settings import load_settings
from replyloop_assets.warehouse.experiments import create_experiment, start_experiment
from replyloop_assets_tests.bot.calls import allocate

PAIR = ("--control", "ResearchSynthesizer", "--treatment", "PersonalStory", "--force")


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
        run("create", *PAIR, "--dimension", "format", "--per-day", "100", "--share", "0.5", "--json")
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
    assert answer["design"] == {"per_day": 100, "share": 0.1, "days": 60}
    assert answer["warning"] is None
    shared = json.loads(run("create", "--control", "A", "--treatment", "B", "--force", "--json"))
    assert shared["design"]["per_day"] == 50, "the dimension's replies are shared by its experiments"


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
                "INSERT INTO experiments (id, experiment_name, hypothesis, dimension, control_strategy,"
                " treatment_strategy, status, started_at) VALUES ('00000000-0000-4000-8000-000000000001',"
                " 'B instead of A', 'B may be better', 'generator', 'A', 'B', 'suggested', NULL)"
            )
        )
    assert "suggested" in run("list")
    told = run("create", "--from-suggestion", "00000000", "--per-day", "100", "--share", "0.2")
    assert "B instead of A runs as 00000000-" in told
    with pytest.raises(ReplyloopError, match="B instead of A is running already: only a suggestion"):
        run("create", "--from-suggestion", "00000000", "--per-day", "100")
    (row,) = json.loads(run("list", "--json"))["experiments"]
    assert (row["status"], row["treatment_allocation_pct"]) == ("running", "20.00")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("create", "--per-day", "9"), "Name both --control and --treatment"),
        (("create", "--control", "A", "--treatment", "A", "--per-day", "9"), "against itself"),
        (("create", *PAIR, "--dimension", "mood", "--per-day", "9"), "mood is no dimension"),
        (("create", *PAIR), "say with --per-day"),
        (("create", *PAIR, "--per-day", "9", "--days", "400"), "HORIZON_DAYS=60"),
        (("create", "--from-suggestion", "ffff", "--per-day", "9"), "There is no experiment ffff"),
        (("show", "ffff"), "There is no experiment ffff"),
        (("stop", "ffff", "--reason", " "), "Say why"),
        (("create", "--control", " A", "--treatment", "A ", "--per-day", "9"), "against itself"),
        (("create", "--control", "A", "--treatment", " ", "--per-day", "9"), "--treatment is blank"),
        (("create", *PAIR, "--name", " ", "--per-day", "9"), "--name is blank"),
        (("create", *PAIR, "--dimension", "search_query", "--per-day", "9"), "take one of generator, format"),
        (("create", *PAIR, "--dimension", "posting_hour", "--per-day", "9"), "not told it reply by reply"),
        (("create", *PAIR[:-1], "--per-day", "9"), r"no generator known so far \(none"),
        (("create", *PAIR, "--per-day", "inf"), "--per-day inf is no number up to"),
        (("create", *PAIR, "--per-day", "9", "--lift", "inf"), "--lift inf is no number up to 20"),
        (("create", "--control", "A", "--treatment", "B\udc80", "--per-day", "9"), "no text in UTF-8"),
        (("create", *PAIR, "--name", "B\udc80", "--per-day", "9"), "no text in UTF-8"),
        (("create", "--from-suggestion", ""), "The id is blank"),
        (("create", "--from-suggestion", "ffff", "--name", "A"), "leave those out"),
        (("create", "--from-suggestion", "ffff", "--hypothesis", "A"), "leave those out"),
        (("create", "--from-suggestion", "ffff", "--dimension", "generator"), "leave those out"),
        (("show", ""), "The id is blank"),
        (("show", "B\udc80"), "no text in UTF-8"),
        (("show", "ff\x1b[2Jff"), r"There is no experiment ff \[2Jff"),
        (("stop", " ", "--reason", "why"), "The id is blank"),
        (("stop", "fff", "--reason", "why"), "give 4 characters, or the whole name"),
    ],
)
def test_what_cannot_be_is_one_sentence(loop: sa.Engine, words: tuple[str, ...], why: str) -> None:
    with pytest.raises(ReplyloopError, match=why) as raised:
        run(*words)
    assert "\n" not in str(raised.value)
    assert not facts(loop), "nothing is left half done"


def test_nothing_yet_says_what_to_do(loop: sa.Engine) -> None:
    assert "replyloop experiment create" in run("list")


def test_what_is_typed_is_recorded_without_blanks_and_an_unknown_value_is_refused(loop: sa.Engine) -> None:
    allocate(loop, "format", {"single": 0.7, "thread": 0.3})
    words = ("create", "--dimension", "format", "--control", " single ", "--per-day", "500", "--share", "0.5")
    answer = json.loads(run(*words, "--treatment", "thread", "--json"))
    assert (answer["experiment_name"], answer["warnings"]) == ("thread instead of single", [])
    with pytest.raises(
        ReplyloopError, match=r"threads is no format .* \(known are single, thread\): correct"
    ):
        run(*words, "--treatment", "threads")
    assert len(facts(loop)) == 2
    assert "threads instead of single runs as" in run(*words, "--treatment", "threads", "--force")


def test_a_pair_is_tested_once_whichever_way_round(loop: sa.Engine) -> None:
    run("create", "--control", "A", "--treatment", "B", "--per-day", "100", "--force")
    for control, treatment in (("A", "B"), ("B", "A")):
        with pytest.raises(ReplyloopError, match="B instead of A already tests"):
            run("create", "--control", control, "--treatment", treatment, "--per-day", "100", "--force")
    assert len(facts(loop)) == 2


def test_of_two_at_once_one_is_the_rival(loop: sa.Engine) -> None:
    ready, refused = threading.Barrier(4), []

    def create(control: str, treatment: str) -> None:
        at = datetime.now(UTC)
        ready.wait()
        try:
            with loop.begin() as connection:
                key = create_experiment(connection, "race", "why", "generator", control, treatment, at)
                start_experiment(connection, key, 0.5, 60, at, "why")
        except ReplyloopError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=create, args=pair) for pair in (("A", "B"), ("B", "A")) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 3
    assert len(facts(loop)) == 2


def test_of_an_id_four_characters_are_needed_of_a_name_all(loop: sa.Engine) -> None:
    answer = json.loads(run("create", *PAIR, "--name", "S", "--per-day", "100", "--json"))
    with pytest.raises(ReplyloopError, match="too little of an id"):
        run("show", answer["id"][:3])
    assert answer["id"] in run("show", answer["id"][:4].upper())
    assert answer["id"] in run("show", "S")


def test_a_row_of_the_bots_own_is_shown_with_dashes_and_gives_no_orders(loop: sa.Engine) -> None:
    with loop.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO experiments (experiment_name, hypothesis, control_strategy, treatment_strategy,"
                " status, control_allocation_pct, treatment_allocation_pct, horizon_days, decision)"
                " VALUES (:name, 'why', 'A', :name, NULL, NULL, NULL, NULL, '[/]')"
            ),
            {"name": "Own\x1b[2J\x9b"},
        )
    assert "Own [2J" in run("list")
    shown = run("show", "Own\x1b[2J\x9b")
    assert "–: Own [2J  (–) against A, at most – days." in shown
    told = run("create", "--control", "A", "--treatment", "B\x1b[2J", "--per-day", "9", "--force")
    told += run("stop", "B\x1b[2J instead of A", "--reason", "enough")
    assert not {"\x1b", "\x9b"} & {*run("list"), *shown, *told}

"""`replyloop evaluate`: a policy of one's own against the ledger, and what is said where there is none."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.reporting.evaluation import evaluate_dimension, render_evaluation
from replyloop_assets.settings import load_settings
from replyloop_assets_tests.assets.test_policy_evaluation import serve
from replyloop_assets_tests.bot.calls import allocate
from replyloop_assets_tests.commands import Shell, new_shell, says_one_sentence

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
SHARES = {"single": 0.7, "thread": 0.3}


@pytest.fixture
def served(engine: sa.Engine) -> sa.Engine:
    """900 replies of ten days ago, of which threads brought twice as much."""
    rng = np.random.default_rng(1)
    arms = np.where(rng.random(900) < 0.3, "thread", "single")
    y = rng.poisson(np.where(arms == "thread", 6.0, 3.0)).tolist()
    units = [f"unit {n:04}" for n in range(900)]
    serve(engine, units, arms.tolist(), y, SHARES, day=NOW.date() - timedelta(days=10))
    allocate(engine, "format", SHARES)
    return engine


@pytest.fixture
def shell(served: sa.Engine) -> Iterator[Shell]:
    with new_shell() as shell:
        yield shell.with_url(served.url.render_as_string(hide_password=False)).at(NOW)


def ask(engine: sa.Engine, policy: str, dimension: str = "format", days: int = 60) -> dict[str, object]:
    return evaluate_dimension(engine, load_settings(), dimension, policy, days, NOW)


def test_a_policy_may_be_typed_or_kept_in_a_file(served: sa.Engine, tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({"thread": 0.9, "single": 0.1}))
    typed = ask(served, "thread=0.9, single=0.1")
    assert ask(served, str(file)) == typed
    assert typed["ratio"] == pytest.approx((0.9 * 6 + 0.1 * 3) / 3.9, rel=0.1)
    assert ask(served, "allocation")["ratio"] == pytest.approx(1, abs=0.02)
    assert ask(served, "uniform")["policy"] == {"single": 0.5, "thread": 0.5}


def test_too_little_overlap_is_said_in_words(served: sa.Engine) -> None:
    settings = load_settings()
    strict = settings.model_copy(update={"evaluation": settings.evaluation.changed(widest=1.05)})
    answer = evaluate_dimension(served, strict, "format", "thread=1", 60, NOW)
    assert answer["verdict"] == "not enough overlap"
    text = render_evaluation(answer)
    assert "format: thread 100%" in text
    assert text.splitlines()[-1].startswith("Not enough overlap: by the 900 replies it may be worth")


@pytest.mark.parametrize(
    ("policy", "dimension", "words"),
    [
        ("uniform", "formats", "formats is no dimension: take one of posting_hour, "),
        ("thread=0.5,poem=0.5", "format", "poem is no arm of format: there are single, thread."),
        ("thread=0.5,single=0.4", "format", "The probabilities sum to 0.9, not to 1"),
        ("thread=1.5,single=-0.5", "format", "The probability of thread, 1.5, is no number from 0 to 1"),
        ("thread=nan,single=1", "format", "The probability of thread, nan, is no number"),
        ("thread=0.5,thread=0.5", "format", "thread stands twice"),
        ("thread", "format", "thread is neither a file nor a policy: write it as arm=0.9"),
        ("", "format", " is neither a file nor a policy"),
        ("allocation", "posting_hour", "no live allocation of this dimension yet"),
        ("uniform", "posting_hour", "holds no decision on posting_hour of the last 60 days"),
    ],
)
def test_what_cannot_be_evaluated_is_named(
    served: sa.Engine, policy: str, dimension: str, words: str
) -> None:
    with pytest.raises(ReplyloopError) as refused:
        ask(served, policy, dimension)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["[1, 2]", "{}", "thread: 1", '{"thread": "much"}', '{"thread": true}'])
def test_a_file_that_is_no_policy_is_named(served: sa.Engine, tmp_path: Path, text: str) -> None:
    file = tmp_path / "policy.json"
    file.write_text(text)
    with pytest.raises(ReplyloopError, match=r"policy\.json is no JSON object|The probability of thread"):
        ask(served, str(file))


@pytest.mark.parametrize("depth", [1, 900, 100_000])
def test_a_file_that_goes_deep_is_named(served: sa.Engine, tmp_path: Path, depth: int) -> None:
    file = tmp_path / "policy.json"
    file.write_text('{"thread": ' * depth + "{}" + "}" * depth)
    with pytest.raises(ReplyloopError, match="is no JSON object of arms"):
        ask(served, str(file))


def test_a_file_that_names_an_arm_twice_is_refused(served: sa.Engine, tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_text('{"thread": 0.5, "single": 0.5, "thread": 0.5}')
    with pytest.raises(ReplyloopError, match="thread stands twice in the policy"):
        ask(served, str(file))


def test_a_list_longer_than_any_name_of_a_file_is_read(served: sa.Engine) -> None:
    with pytest.raises(ReplyloopError, match="arm 0000 is no arm of format"):
        ask(served, "thread=1," + ",".join(f"arm {n:04}=0" for n in range(5000)))


def test_decisions_of_before_the_days_asked_for_do_not_count(served: sa.Engine) -> None:
    with pytest.raises(ReplyloopError, match="of the last 5 days"):
        ask(served, "uniform", days=5)


def test_the_command_says_it_for_people_and_for_programs(shell: Shell) -> None:
    words = ("evaluate", "--dimension", "format", "--policy", "thread=0.5,single=0.5")
    done = shell.succeed(*words, "--json")
    answer = done.json
    assert (answer["verdict"], answer["replies"], answer["dimension"]) == ("adopt", 900, "format")
    assert answer["low"] < 4.5 / 3.9 < answer["high"]
    assert answer["ess"] > 300
    assert shell.succeed(*words).out.splitlines()[-1] == answer["reason"]
    says_one_sentence(
        shell.run("evaluate", "--dimension", "nonsense", "--policy", "uniform"), "is no dimension"
    )

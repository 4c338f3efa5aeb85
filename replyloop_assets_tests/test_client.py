"""The Python client: every function over a real database, as the bot's role, and what may go wrong."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from inspect import signature
from uuid import UUID, uuid4

import psycopg
import pytest
import sqlalchemy as sa

from replyloop_assets.client import Loop, storable
from replyloop_assets_tests.commands import PATIENCE_S

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
EXPERIMENT = UUID("00000000-0000-4000-8000-000000000001")
LEARNT = f"""
    INSERT INTO strategy_allocation (strategy_name, strategy_type, probability, as_of) VALUES
    ('story', 'format', 0.75, '2026-11-20'), ('question', 'format', 0.25, '2026-11-20');
    INSERT INTO experiments (
        id, experiment_name, hypothesis, control_strategy, treatment_strategy, dimension, started_at
    ) VALUES (
        '{EXPERIMENT}', 'Mornings', 'They bring more', '18', '08', 'posting_hour', '2026-11-01'
    );
    INSERT INTO search_plan VALUES (
        1, '2026-11-20', 'proven accounts', 10, 5000, FALSE, 0.9, 'from:a min_faves:5000', 'from:a', 'Proven.'
    );
"""
HOSTILE = "'; DROP TABLE x; -- \" $$ \\ \x00 \x07 \ud800 %s :at {} 𝕏 \n" * 300


@pytest.fixture
def address(engine: sa.Engine) -> str:
    """The database as its bot sees it: as the role replyloop_bot."""
    with engine.begin() as connection:
        connection.exec_driver_sql(LEARNT)
    url = engine.url.set(drivername="postgresql").update_query_dict({"options": "-crole=replyloop_bot"})
    return url.render_as_string(hide_password=False)


@pytest.fixture
def loop(address: str) -> Iterator[Loop]:
    with Loop(address) as loop:
        yield loop


def harvest(loop: Loop, number: int, likes: int = 30_000) -> None:
    told = loop.record_opportunity(
        str(number), f"author{number}", likes, 10, 30, tweet_text="a post", discovered_at=NOW
    )
    assert told.status == "recorded"


def kill_sessions(engine: sa.Engine) -> None:
    """End every other session of the database, as a restart of the server does."""
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_reply_from_the_post_found_to_the_feedback(loop: Loop) -> None:
    told = loop.record_opportunity(
        "1", "@NASA", 30_000, 600, 30, author_follower_count=2_000_000, discovered_at=NOW
    )
    assert told.score is not None
    assert (told.status, told.score.engagement_tier, told.score.account_size_tier) == (
        "recorded", "25K-50K", "1M+",
    )  # fmt: skip
    assert told.score.opportunity_score_v2 == 15.0
    assert loop.record_opportunity("1", "@NASA", 30_000, 600, 30).status == "unchanged"
    (queued,) = loop.peek_queue(at=NOW)
    assert (queued.tweet_id, queued.score, queued.predicted_followers) == ("1", 15.0, None)
    (claim,) = loop.claim_next(3, claimed_by="test", at=NOW)
    assert (claim.tweet_id, claim.target_username, claim.generator) == ("1", "NASA", "ResearchSynthesizer")
    assert claim.arms["format"] in ("story", "question")
    assert claim.lease_until == NOW + timedelta(minutes=30)
    assert loop.claim_next(at=NOW) == loop.peek_queue(at=NOW) == []
    posted = NOW + timedelta(minutes=5)
    assert loop.record_reply(claim.decision_id, "2", posted, content="yes").status == "recorded"
    assert loop.record_reply(claim.decision_id, "2", posted, content="yes").status == "unchanged"
    told = loop.record_metrics("2", posted + timedelta(hours=2), followers_gained=20, likes=3)
    assert (told.status, told.feedback) == ("recorded", "high")
    again = loop.record_metrics("2", posted + timedelta(hours=2), followers_gained=20, likes=3)
    assert (again.status, again.feedback) == ("unchanged", "high")


def test_a_unit_keeps_its_answers(loop: Loop) -> None:
    arm = loop.arm_for("format", "u1")
    assert arm.available == {"story": 0.75, "question": 0.25}
    assert arm == loop.arm_for("format", "u1")
    variant = loop.variant_for(EXPERIMENT, "u1")
    assert variant == loop.variant_for(str(EXPERIMENT), "u1")
    assert (variant.variant, variant.probability) in (("control", 0.9), ("treatment", 0.1))
    assert loop.generator_for("NASA", "u1") == loop.generator_for("NASA", "u1")


def test_where_nothing_is_known_there_is_an_answer_all_the_same(loop: Loop) -> None:
    assert loop.arm_for("posting_hour", "u1").arm is None
    assert loop.variant_for(uuid4(), "u1").reason == "There is no such experiment."
    assert loop.generator_for("nobody", "u1").band == "default"
    assert loop.score_opportunity(None, None, None).opportunity_score_v2 == 0
    assert [search.label for search in loop.read_search_plan()] == ["proven accounts"]
    assert loop.claim_next(10**12) == loop.peek_queue(-(10**12)) == []


def test_hostile_texts_and_absurd_numbers_do_no_harm(loop: Loop, engine: sa.Engine) -> None:
    assert loop.record_opportunity("1", HOSTILE, 1, 1, 1).status == "quarantined"
    absurd = loop.record_opportunity("1", "a", 10**30, -(10**30), 1)
    assert (absurd.status, absurd.reason) == ("quarantined", "a count is out of range")
    kept = loop.record_opportunity(
        "1", "a", 1, 1, 1, search_query=HOSTILE, tweet_text=HOSTILE, discovered_at=NOW
    )
    assert kept.status == "recorded"
    (claim,) = loop.claim_next(claimed_by=HOSTILE, at=NOW)
    assert claim.tweet_text == storable(HOSTILE)
    assert loop.record_reply(HOSTILE, "2").status == "quarantined"
    assert (
        loop.record_reply(claim.decision_id, "2", content=HOSTILE, generator_name=HOSTILE).status
        == "recorded"
    )
    assert loop.arm_for("format", HOSTILE) == loop.arm_for("format", HOSTILE)
    assert loop.generator_for(HOSTILE, HOSTILE).generator == "ResearchSynthesizer"
    detail = {HOSTILE: [HOSTILE, float("nan"), NOW, None], "when": NOW}
    assert loop.record_error(HOSTILE, HOSTILE, detail=detail, error_id=HOSTILE).status == "recorded"
    assert loop.record_error(HOSTILE, HOSTILE, detail=detail, error_id=HOSTILE).status == "unchanged"
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM system_events").scalar_one() == 1


def test_an_instant_needs_a_time_zone(loop: Loop) -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        loop.peek_queue(at=datetime(2026, 1, 1))  # noqa: DTZ001


def test_nothing_is_decided_for_nobody(loop: Loop) -> None:
    for dimension, unit in (("", "u1"), ("format", "")):
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            loop.arm_for(dimension, unit)


def test_threads_share_a_loop(loop: Loop) -> None:
    units = [f"u{n}" for n in range(50)] * 8
    with ThreadPoolExecutor(8) as threads:
        answers = set(threads.map(lambda unit: (unit, loop.arm_for("format", unit).arm), units))
    assert len(answers) == 50


def test_a_lost_connection_is_opened_again(loop: Loop, engine: sa.Engine) -> None:
    before = loop.arm_for("format", "u1")
    kill_sessions(engine)
    assert loop.arm_for("format", "u1") == before
    harvest(loop, 1)
    kill_sessions(engine)
    assert [claim.tweet_id for claim in loop.claim_next(at=NOW)] == ["1"]


def test_a_claim_that_may_have_been_taken_is_not_repeated(loop: Loop, engine: sa.Engine) -> None:
    harvest(loop, 1)
    waiting = """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event = 'advisory'
    """
    with engine.connect() as holder, ThreadPoolExecutor(1) as threads:
        holder.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtextextended('replyloop/claim', 0))")
        claiming = threads.submit(loop.claim_next, at=NOW)
        while not list(holder.exec_driver_sql(waiting)):
            pass
        with pytest.raises(psycopg.OperationalError):
            claiming.result(timeout=PATIENCE_S)
    assert [claim.tweet_id for claim in loop.claim_next(at=NOW)] == ["1"]


def test_a_database_that_is_not_there_is_an_error_soon(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("replyloop_assets.client.WAITS_S", (0.0, 0.0))
    gone = engine.url.set(drivername="postgresql+psycopg", database="no_such_database")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        Loop(gone.render_as_string(hide_password=False)).arm_for("format", "u1")


def test_the_methods_are_the_functions_of_the_bots_role(engine: sa.Engine) -> None:
    query = """
        SELECT p.proname, p.proargnames[1:p.pronargs] FROM pg_proc AS p
        WHERE
            p.pronamespace = 'replyloop'::REGNAMESPACE
            AND p.prosecdef
            AND has_function_privilege('replyloop_bot', p.oid, 'EXECUTE')
    """
    with engine.connect() as connection:
        functions = {name: names or [] for name, names in connection.exec_driver_sql(query)}
    methods = {
        name: list(signature(method).parameters)[1:]
        for name, method in vars(Loop).items()
        if not name.startswith("_") and name != "close"
    }
    assert methods == functions


def test_it_loads_neither_dagster_nor_sqlalchemy() -> None:
    program = (
        "import sys, replyloop_assets.client;"
        "print(sorted({'dagster', 'sqlalchemy', 'pandas', 'numpy', 'pydantic'} & set(sys.modules)),"
        " sorted(m for m in sys.modules if m.startswith('replyloop_assets')))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said == "[] ['replyloop_assets', 'replyloop_assets.client']\n"

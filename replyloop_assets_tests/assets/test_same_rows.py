"""A recomputed past equals the past: the rule of the house that everything else stands on."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count

import dagster as dg
import pytest
import sqlalchemy as sa

from replyloop_assets.assets import STAGES
from replyloop_assets.automation.schedules import FACTS, open_range
from replyloop_assets.partitions import Window, day_start, days_between
from replyloop_assets.postgres.server import Server
from replyloop_assets.warehouse.engine import create_engine
from replyloop_assets_tests.life import (
    ALL_DAYS,
    ARRIVES,
    END,
    FIRST,
    LAST,
    copy_facts,
    experiment_state,
    fill,
    live_rows,
    load_life,
    run_in_dagster,
    runtime_at,
    stage_rows,
)

WINDOW_STAGES = [stage for stage in STAGES if stage not in FACTS]
LATER = END + timedelta(days=2, hours=7)
Rows = dict[str, list[tuple[object, ...]]]


@pytest.fixture(scope="module")
def clone(server: Server, maintenance: sa.Engine) -> Iterator[Callable[[str], sa.Engine]]:
    """Copies of a database, gone with the module."""
    numbers, engines = count(1), []

    def make(of: str) -> sa.Engine:
        name = f"life_{next(numbers)}"
        with maintenance.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {of}")
        engines.append(create_engine(server.url(name)))
        return engines[-1]

    yield make
    for engine in engines:
        engine.dispose()
    with maintenance.connect() as connection:
        for engine in engines:
            connection.exec_driver_sql(f"DROP DATABASE {engine.url.database} WITH (FORCE)")


@pytest.fixture(scope="module")
def facts(clone: Callable[[str], sa.Engine], template: str) -> sa.Engine:
    """The facts of 90 days, and nothing computed."""
    engine = clone(template)
    load_life(engine)
    engine.dispose()
    return engine


@pytest.fixture(scope="module")
def lived(clone: Callable[[str], sa.Engine], facts: sa.Engine, template: str) -> sa.Engine:
    """Those days lived: the clock turns, facts arrive as they happen, and each turn fills what the
    schedule asks for. What the loop decided meanwhile is a fact too."""
    engine = clone(str(facts.url.database))
    with engine.begin() as connection:
        connection.exec_driver_sql(f"TRUNCATE {', '.join(ARRIVES)}")
    since, now = day_start(FIRST), day_start(FIRST) + timedelta(hours=6)
    while now <= END:
        copy_facts(facts, engine, since, now)
        runtime = runtime_at(engine, now)
        first, last = map(datetime.fromisoformat, open_range(runtime, STAGES))
        for stage in STAGES:
            for day in days_between(first.date(), last.date()):
                stage.fill(runtime, Window.at(day, now))
        since, now = now, now + timedelta(hours=6)
    with engine.connect() as read, facts.begin() as write:
        for event in read.execute(sa.text("SELECT * FROM experiment_events")).mappings():
            values = dict(event) | {"inputs": json.dumps(event["inputs"])}
            write.execute(
                sa.text(
                    "INSERT INTO experiment_events (experiment_id, event, at, reason, inputs)"
                    " VALUES (:experiment_id, :event, :at, :reason, CAST(:inputs AS JSONB))"
                ),
                values,
            )
    facts.dispose()
    return engine


@pytest.fixture(scope="module")
def new_life(
    clone: Callable[[str], sa.Engine], facts: sa.Engine, lived: sa.Engine
) -> Callable[[], sa.Engine]:
    """Databases that hold the same facts, and nothing computed."""
    return lambda: clone(str(facts.url.database))


@pytest.fixture(scope="module")
def in_one_range(new_life: Callable[[], sa.Engine]) -> tuple[sa.Engine, Rows]:
    """The 90 windows filled by one real Dagster run, and their rows."""
    engine = new_life()
    with dg.DagsterInstance.ephemeral() as instance:
        assert run_in_dagster(engine, LATER, FIRST, LAST, instance).success
        assert instance.get_runs_count() == 1
    return engine, stage_rows(engine)


def test_the_sample_reaches_every_stage(in_one_range: tuple[sa.Engine, Rows]) -> None:
    _, rows = in_one_range
    assert all(rows.values()), {table: len(found) for table, found in rows.items()}
    decisions = [row for row in rows["experiment_results"] if "adopt" in row]
    assert len(decisions) == 1


def test_one_by_one_in_real_runs(
    new_life: Callable[[], sa.Engine], in_one_range: tuple[sa.Engine, Rows]
) -> None:
    engine = new_life()
    with dg.DagsterInstance.ephemeral() as instance:
        for day in ALL_DAYS:
            assert run_in_dagster(engine, LATER, day, day, instance).success
    assert stage_rows(engine) == in_one_range[1]


def test_window_stages_in_reverse(
    new_life: Callable[[], sa.Engine], in_one_range: tuple[sa.Engine, Rows]
) -> None:
    engine = new_life()
    fill(engine, LATER, ALL_DAYS[::-1], FACTS)
    fill(engine, LATER, ALL_DAYS[::-1], WINDOW_STAGES)
    assert stage_rows(engine) == in_one_range[1]


def test_live_at_the_six_hour_marks(lived: sa.Engine, in_one_range: tuple[sa.Engine, Rows]) -> None:
    assert stage_rows(lived) == in_one_range[1]
    assert experiment_state(lived) == ("completed", "adopt")


def test_an_adopted_treatment_is_incumbent_for_14_days(lived: sa.Engine) -> None:
    """Connection 4 of the seed, from cause to effect: decided, therefore allocated."""
    query = """
        SELECT history.day - (decided.at AT TIME ZONE 'UTC')::DATE AS age, history.value AS arm,
            history.probability, (decided.inputs ->> 'control_share')::DOUBLE PRECISION AS former
        FROM strategy_allocation_history AS history, experiment_events AS decided
        WHERE history.dimension = 'generator' AND decided.event = 'decided'
    """
    with lived.connect() as connection:
        rows = connection.execute(sa.text(query)).all()
    reign = [row for row in rows if 0 <= row.age < 14]
    assert len({row.age for row in reign}) == 14
    for row in reign:
        if row.arm == "PersonalStory":
            assert row.probability >= row.former - 1e-9
        if row.arm == "ResearchSynthesizer":
            assert row.probability <= 0.1 + 1e-9


def test_twice_is_once_and_an_old_window_leaves_the_live_tables_alone(
    in_one_range: tuple[sa.Engine, Rows],
) -> None:
    engine, rows = in_one_range
    fill(engine, END, [*ALL_DAYS, END.date()])  # the running day of then moves the live tables
    before = live_rows(engine)
    assert before["strategy_allocation"]
    assert before["experiment_events"]
    for now in (END, LATER):
        fill(engine, now, days_between(FIRST, LAST))
        assert live_rows(engine) == before
        assert stage_rows(engine) == rows


def test_an_emptied_window_loses_its_old_rows(new_life: Callable[[], sa.Engine]) -> None:
    engine = new_life()
    days = ALL_DAYS[:40]
    fill(engine, LATER, days)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"TRUNCATE {', '.join(ARRIVES)}, experiments")
    assert any(stage_rows(engine).values())
    fill(engine, LATER, days)
    assert not any(stage_rows(engine).values())

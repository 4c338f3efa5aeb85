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
    run_in_dagster,
    runtime_at,
    stage_rows,
)

WINDOW_STAGES = [stage for stage in STAGES if stage not in FACTS]
LATER = END + timedelta(days=2, hours=7)
Rows = dict[str, list[tuple[object, ...]]]


@pytest.fixture(scope="session")
def clone(server: Server, maintenance: sa.Engine) -> Iterator[Callable[[str], sa.Engine]]:
    """Copies of a database, gone in the end: what they show is made once, in whatever order tests run."""
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


@pytest.fixture(scope="session")
def facts(clone: Callable[[str], sa.Engine], sample_template: str) -> sa.Engine:
    """The facts of 90 days, and nothing computed."""
    return clone(sample_template)


def marks() -> list[datetime]:
    """When the loop turns: at the six-hour marks on five days, at one of them on each of the ten days after,
    and so on, as on a machine that is not always on. The last turn closes the last day."""
    every = (0, 6, 12, 18)
    return [
        day_start(day) + timedelta(hours=hour)
        for number, day in enumerate(ALL_DAYS)
        for hour in (every if number // 5 % 3 == 0 else every[number % 4 :][:1])
    ] + [END]


@pytest.fixture(scope="session")
def lived(clone: Callable[[str], sa.Engine], facts: sa.Engine) -> sa.Engine:
    """Those days lived: facts arrive as they happen, and each turn fills what the schedule asks for. What
    the loop decided meanwhile is a fact too."""
    engine = clone(str(facts.url.database))
    with engine.begin() as connection:
        connection.exec_driver_sql(f"TRUNCATE {', '.join(ARRIVES)}")
    since = day_start(FIRST)
    for now in marks():
        copy_facts(facts, engine, since, now)
        runtime = runtime_at(engine, now)
        first, last = map(datetime.fromisoformat, open_range(runtime, STAGES))
        for stage in STAGES:
            for day in days_between(first.date(), last.date()):
                stage.fill(runtime, Window.at(day, now))
        since = now
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


@pytest.fixture(scope="session")
def new_life(
    clone: Callable[[str], sa.Engine], facts: sa.Engine, lived: sa.Engine
) -> Callable[[], sa.Engine]:
    """Databases that hold the same facts, and nothing computed."""
    return lambda: clone(str(facts.url.database))


@pytest.fixture(scope="session")
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


def test_one_by_one_every_eighth_day_in_a_real_run(
    new_life: Callable[[], sa.Engine], in_one_range: tuple[sa.Engine, Rows]
) -> None:
    """Dagster takes twice as long over a run of one day as the day does; no run knows of the one before."""
    engine = new_life()
    with dg.DagsterInstance.ephemeral() as instance:
        for number, day in enumerate(ALL_DAYS):
            if number % 8 == 0:
                assert run_in_dagster(engine, LATER, day, day, instance).success
            else:
                fill(engine, LATER, [day], batch=1)
        assert instance.get_runs_count() == 12
    assert stage_rows(engine) == in_one_range[1]


def test_window_stages_in_reverse(
    new_life: Callable[[], sa.Engine], in_one_range: tuple[sa.Engine, Rows]
) -> None:
    engine = new_life()
    for stages in (FACTS, WINDOW_STAGES):
        for stage in stages:
            for day in ALL_DAYS[::-1]:
                fill(engine, LATER, [day], [stage])
    assert stage_rows(engine) == in_one_range[1]


@pytest.mark.parametrize("size", [7, 365])
def test_in_batches(
    new_life: Callable[[], sa.Engine], in_one_range: tuple[sa.Engine, Rows], size: int
) -> None:
    engine = new_life()
    fill(engine, LATER, ALL_DAYS, batch=size)
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
    fill(engine, END, [LAST, END.date()])  # the newest closed day and the running one move the live tables
    before = live_rows(engine)
    assert before["strategy_allocation"]
    assert before["experiment_events"]
    # the windows of the days before are the same at both instants, so that filling them at one will do
    assert [Window.at(day, END) for day in ALL_DAYS[:-1]] == [Window.at(day, LATER) for day in ALL_DAYS[:-1]]
    for now, days in ((END, [LAST]), (LATER, ALL_DAYS)):
        fill(engine, now, days)
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

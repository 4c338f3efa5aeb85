"""A life on a real database: played twice the same, and computed the same by Dagster."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import dagster as dg
import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from replyloop_assets.assets import STAGES
from replyloop_assets.automation.schedules import open_range
from replyloop_assets.partitions import day_start
from replyloop_assets.postgres.server import Server
from replyloop_assets.settings import load_settings
from replyloop_assets.simulation import life
from replyloop_assets.simulation.life import Lived, Play, play_life
from replyloop_assets.simulation.world import Trial, World, load_world
from replyloop_assets_tests.conftest import new_database, new_template
from replyloop_assets_tests.life import live_rows, run_in_dagster, runtime_at, stage_rows

FIRST = date(2026, 1, 5)
DAYS, PER_DAY, HABIT = 9, 8, 3
LAST = FIRST + timedelta(days=DAYS - 1)
END = day_start(FIRST + timedelta(days=DAYS))


def trouble() -> World:
    """All that goes wrong, and an experiment, within few days."""
    world = load_world("trouble")
    trouble = world.trouble.model_copy(update={"late": 0.2, "hostile": 0.2, "outages": ()})
    trial = Trial(day=4, control="ResearchSynthesizer", treatment="PersonalStory", share=0.4)
    return world.model_copy(update={"trouble": trouble, "experiment": (trial,)})


def lived(engine: sa.Engine, seed: int = 3) -> Lived:
    play = Play(trouble(), FIRST, DAYS, PER_DAY, seed, HABIT)
    return play_life(play, engine, load_settings())


@dataclass(frozen=True)
class Told:
    """A life once played, for tests that only look at it: a template of its database, its hidden means."""

    database: str
    lived: Lived
    means: np.ndarray


@pytest.fixture(scope="session")
def told(server: Server, maintenance: sa.Engine, template: str) -> Told:
    means: list[float] = []
    keep_score = life.score

    def watched(play, truth, platform):  # type: ignore[no-untyped-def]
        means.extend(reply.mean for reply in platform.replies)
        return keep_score(play, truth, platform)

    found: list[Lived] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(life, "score", watched)
        name = new_template(
            server, maintenance, "template_told", template, lambda engine: found.append(lived(engine))
        )
    return Told(name, found[0], np.array(means))


@pytest.fixture
def once(server: Server, maintenance: sa.Engine, told: Told) -> Iterator[sa.Engine]:
    """The database of that life."""
    yield from new_database(server, maintenance, told.database)


def test_a_life_played_twice_is_the_same_and_dagster_computes_its_days_alike(
    told: Told, once: sa.Engine, engine: sa.Engine
) -> None:
    first, second = told.lived, lived(engine)
    pd.testing.assert_frame_equal(first.daily, second.daily)
    pd.testing.assert_frame_equal(first.shares, second.shares)
    ours, rows = stage_rows(once, LAST), stage_rows(engine, LAST)
    assert [(table, of) for table, of in ours.items() if table != "classified_opportunities"] == [
        (table, of)
        for table, of in rows.items()
        if table != "classified_opportunities"  # random keys
    ]
    # the same days, whole, in one real Dagster run, from what the bot told alone
    for stage in STAGES:
        with engine.begin() as connection:
            connection.exec_driver_sql(f'TRUNCATE "{stage.writes}", stage_days')
    with dg.DagsterInstance.ephemeral() as instance:
        assert run_in_dagster(engine, END + timedelta(hours=1), FIRST, LAST, instance).success
    computed = stage_rows(engine, LAST)
    for table in rows:
        assert computed[table] == rows[table], table
    assert rows["strategy_allocation_history"]
    assert rows["experiment_results"]
    assert live_rows(once)["experiments"]


def test_a_bot_in_trouble_loses_nothing(told: Told, once: sa.Engine) -> None:
    daily = told.lived.daily
    assert daily["replies"].tolist() == [PER_DAY] * DAYS
    assert daily["decided"].tolist() == [False] * HABIT + [True] * (DAYS - HABIT)
    assert (daily["reward"] < daily["oracle"]).all()
    with once.connect() as connection:
        count = {
            name: connection.execute(sa.text(f"SELECT count(*) FROM {name}")).scalar_one()
            for name in ("content_metadata", "opportunity_claims", "quarantine", "tweet_metrics")
        }
        errors = "SELECT count(*) FROM system_events WHERE event_type NOT IN ('autonomous_optimization')"
        assert connection.execute(sa.text(errors)).scalar_one() > 0
        generators = set(
            connection.execute(sa.text("SELECT DISTINCT generator_name FROM content_metadata")).scalars()
        )
    assert count["content_metadata"] == PER_DAY * DAYS
    assert count["opportunity_claims"] == PER_DAY * (DAYS - HABIT)
    assert count["quarantine"] > 0  # names that are none
    assert 0 < count["tweet_metrics"] < 2 * PER_DAY * DAYS
    assert len(generators) > 1


def numbers_of(engine: sa.Engine) -> set[float]:
    """Every number in the database that is no whole one."""
    found: set[float] = set()
    with engine.connect() as connection:
        for table in sa.inspect(connection).get_table_names():
            for row in connection.execute(
                sa.text(f'SELECT row_to_json(t)::TEXT FROM "{table}" AS t')
            ).scalars():
                found |= {float(number) for number in re.findall(r"\d+\.\d{4,}(?:e-?\d+)?", row)}
    return found


def leaks(truth: np.ndarray, numbers: set[float]) -> bool:
    """Whether one of them is one of the hidden means, to seven digits."""
    held = np.sort(list(numbers))
    at = np.clip(np.searchsorted(held, truth), 1, len(held) - 1)
    nearest = np.minimum(abs(held[at] - truth), abs(held[at - 1] - truth))
    return bool((nearest < 1e-7 * truth).any())


def test_no_table_holds_the_truth(told: Told, once: sa.Engine) -> None:
    """What a reply brings on average is nowhere in the loop's database; planted there, it would be seen."""
    means = told.means
    assert len(means) == PER_DAY * DAYS
    assert not leaks(means, numbers_of(once))
    with once.begin() as connection:
        planted = (
            "INSERT INTO system_events (event_type, event_data) VALUES ('x', jsonb_build_object('y', :mean))"
        )
        connection.execute(
            sa.text(planted.replace(":mean", "CAST(:mean AS FLOAT8)")), {"mean": float(means[7])}
        )
    assert leaks(means, numbers_of(once))


def test_a_turn_fills_the_open_days_only(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A live loop never drags its past along: from the second day on, a turn fills two days at most."""
    filled: list[tuple[str, int]] = []

    def watched(stages, engine, settings, now):  # type: ignore[no-untyped-def]
        runtime = runtime_at(engine, now)
        first, last = map(date.fromisoformat, open_range(runtime, stages))
        filled.append((str(now), (last - first).days + 1))
        turn(stages, engine, settings, now)

    turn = life.turn
    monkeypatch.setattr(life, "turn", watched)
    play_life(Play(load_world("default"), FIRST, 6, 5, 1, 2), engine, load_settings())
    assert max(days for _, days in filled) <= 2, filled

"""What is told of lives: how they are held against each other, and that a drop is noticed and answered."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from replyloop_assets.assets import strategy_allocation
from replyloop_assets.assets.stage import Runtime
from replyloop_assets.learning.health.settings import HealthSettings
from replyloop_assets.partitions import Window
from replyloop_assets.postgres.server import Server
from replyloop_assets.settings import load_settings
from replyloop_assets.simulation.life import Lived, Play, play_life
from replyloop_assets.simulation.lives import report, rivals
from replyloop_assets.simulation.world import Change, World, load_world
from replyloop_assets_tests.conftest import new_database

DAYS, PER_DAY, DROP_AT = 20, 20, 13
NOTHING = pd.DataFrame(columns=["decision", "ended", "lift"])
# a detector that dares to judge in so short a life
HASTY = HealthSettings(
    baseline_days=12,
    baseline_gap_days=1,
    min_baseline_days=5,
    false_alarms_per_year=20,
    false_pivots_per_year=10,
)


def lived(*rewards: float, opened: int | None = None) -> Lived:
    """A life whose oracle brings 10 a day."""
    daily = pd.DataFrame({"day": range(len(rewards)), "reward": rewards})
    daily = daily.assign(oracle=10.0, uniform=2.0, decided=daily["day"] > 0)
    pivots = pd.DataFrame({"opened": [opened], "closed": [np.nan], "is_true": [True]})
    return Lived(daily, NOTHING, NOTHING, pivots if opened else pivots[:0], NOTHING)


def test_a_life_is_held_against_the_plan_s_rules_or_one_without_pivots() -> None:
    ours, other = rivals(load_settings(), "default", "no-pivots")
    assert ours.features.pivots
    assert not other.features.pivots
    assert other.model_copy(update={"features": ours.features}) == ours
    ours, other = rivals(load_settings(), "default", "seed")
    assert (ours.health.rule, other.health.rule) == ("default", "seed")
    assert len(rivals(load_settings(), "seed", "seed")) == 1
    ours, other = rivals(load_settings(), "seed", "no-pivots")
    assert (ours.health.rule, other.health.rule) == ("seed", "seed")


def test_the_gain_is_of_pairs_over_the_days_that_count() -> None:
    ours = [lived(0, 6, 6, opened=1), lived(0, 8, 8)]
    others = [lived(9, 4, 4), lived(9, 7, 7)]
    found = report(ours, others, "no_pivots")
    assert found["gain"] == pytest.approx((0.2 + 0.1) / 2)
    assert found["gain_se"] == pytest.approx(0.05)
    assert found["no_pivots_fraction"] == pytest.approx(22 / 40)
    assert found["pivots"] == [[{"opened": 1, "closed": None, "is_true": True}], []]
    assert (found["pivots_true"], found["pivots_false"]) == (0.5, 0)
    assert report(ours[:1], others[:1], "no_pivots")["gain_se"] is None


@pytest.fixture
def twin(server: Server, maintenance: sa.Engine, template: str) -> Iterator[sa.Engine]:
    """Another migrated, empty database."""
    yield from new_database(server, maintenance, template)


def dropping() -> World:
    """Nearly everything is lost half through."""
    return load_world("default").model_copy(update={"change": (Change(day=DROP_AT, kind="drop", size=0.9),)})


def test_a_drop_is_answered_by_one_pivot_that_explores_as_far_as_it_is_told_to(
    engine: sa.Engine, twin: sa.Engine
) -> None:
    usual = load_settings()
    even = usual.allocation.changed(pivot_spread="even")
    settings = usual.model_copy(update={"health": HASTY, "allocation": even})
    ours, other = rivals(settings, "default", "no-pivots")
    play = Play(dropping(), date(2026, 1, 5), DAYS, PER_DAY, 1, habit_days=4)
    with_pivots = play_life(play, engine, ours.model_copy(update={"health": HASTY}))
    without = play_life(play, twin, other.model_copy(update={"health": HASTY}))
    (opened,) = with_pivots.pivots["opened"]
    assert DROP_AT <= opened <= DROP_AT + 6
    assert with_pivots.pivots["is_true"].all()
    assert without.pivots.empty
    # alike until it opened
    before = slice(0, int(opened))
    pd.testing.assert_frame_equal(with_pivots.daily[before], without.daily[before])
    query = sa.text("""
        SELECT dimension, 1 - max(probability) FROM strategy_allocation_history
        WHERE day = :day GROUP BY dimension HAVING count(*) > 1
    """)
    day = date(2026, 1, 5) + timedelta(days=int(opened))

    def explored(database: sa.Engine) -> dict[str, float]:
        with database.connect() as connection:
            return dict(map(tuple, connection.execute(query, {"day": day})))

    everywhere, nowhere = explored(engine), explored(twin)
    assert len(everywhere) >= 6
    assert min(everywhere.values()) >= 0.3 - 1e-9
    assert min(nowhere.values()) < 0.2
    # three tenths in all, as far as the drop leaves doubt of what is best
    now = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(days=DAYS)
    runtime = Runtime(engine, ours.model_copy(update={"allocation": usual.allocation}), now=lambda: now)
    strategy_allocation.STAGE.fill(runtime, Window.at(day, now))
    shared = explored(engine)
    assert 0.1 - 1e-9 <= min(shared.values()) < 0.3
    assert sum(shared.values()) < sum(everywhere.values())
    with engine.connect() as connection:
        told = connection.execute(
            sa.text("SELECT created_at FROM system_events WHERE event_data ->> 'component' = 'pivots'")
        ).scalars()
        at = connection.execute(sa.text("SELECT opened_at FROM pivots")).scalar_one()
        assert list(told) == [at]

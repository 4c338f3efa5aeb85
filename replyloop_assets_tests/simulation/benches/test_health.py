"""The bench of the health rules: it measures what was measured before, and the rule meets its marks."""

import numpy as np
import pytest

from replyloop_assets.simulation.benches.health import WARM_UP, HealthBench, beginnings
from replyloop_assets.simulation.benches.replicate import replicate
from replyloop_assets.simulation.rhythm import day_factors
from replyloop_assets.simulation.world import Outage, Outcome, Rhythm, Trouble, World, load_world
from replyloop_assets_tests.simulation.benches.alone import replicate_alone


def figures(bench: HealthBench, reps: int) -> dict[str, float | None]:
    return replicate_alone(bench, reps, seed=1)


def within(found: dict[str, float | None], key: str, expected: float, joint: float) -> bool:
    value, error = found[key], found[f"{key}_se"]
    return value is not None and error is not None and abs(value - expected) <= 3 * np.hypot(error, joint)


def test_the_seeds_rule_is_as_bad_as_it_was_measured() -> None:
    """12.3 false alarms a year at 20 replies a day; at 100, 32% of true 30% drops missed (2000 lives)."""
    few = figures(HealthBench(20, drop=0.3, rule="seed"), 100)
    many = figures(HealthBench(100, drop=0.3, years=0.1, rule="seed"), 200)
    assert within(few, "false_alarms_per_year", 12.3, 0.07)
    assert within(many, "miss", 0.32, (0.32 * 0.68 / 2000) ** 0.5)


@pytest.mark.parametrize(
    ("world", "per_day", "autocorrelation", "pivots"),
    [
        ("stationary", 5, 0.0, 0.05),
        ("stationary", 20, 0.0, 0.05),
        ("stationary", 100, 0.0, 0.05),
        ("weekly", 20, 0.0, 0.05),
        ("growing", 20, 0.0, 0.05),
        ("away", 20, 0.0, 0.05),
        ("sparse", 20, 0.0, 0.05),
        ("stationary", 20, 0.6, 0.25),
        ("stationary", 100, 0.6, 0.25),
    ],
)
def test_the_default_rule_is_quiet_in_quiet_years(
    world: str, per_day: int, autocorrelation: float, pivots: float
) -> None:
    """No pivot in 19 of 20 years where days are independent; where they hang together there are more."""
    bench = HealthBench(per_day, autocorrelation=autocorrelation, years=2, world=load_world(world))
    found = figures(bench, 40)
    assert found["false_alarms_per_year"] is not None
    assert found["false_alarms_per_year"] <= 1
    assert found["false_pivots_per_year"] is not None
    assert found["false_pivots_per_year"] <= pivots


@pytest.mark.parametrize(
    ("outcome", "per_day"),
    [
        (Outcome(), 2000),
        (Outcome(mean=30, positive=0.9, sigma=1.0), 300),
        (Outcome(mean=12, positive=0.98, sigma=0.8), 100),
    ],
)
def test_many_replies_or_dense_outcomes_are_no_alarm(outcome: Outcome, per_day: int) -> None:
    """What a day tells by itself is far beyond what the marks ask for; a drop is seen at once."""
    found = figures(HealthBench(per_day, drop=0.3, years=0.5, world=World(outcome=outcome)), 12)
    assert found["false_alarms_per_year"] is not None
    assert found["false_alarms_per_year"] <= 1
    assert found["false_pivots_per_year"] == 0
    assert found["mean_delay_days"] is not None
    assert found["mean_delay_days"] <= 3
    assert found["miss"] == 0


@pytest.mark.parametrize(
    ("world", "per_day", "drop", "days"),
    [
        ("stationary", 20, 0.5, 9),
        ("stationary", 100, 0.5, 5),
        ("stationary", 100, 0.3, 10),
        ("weekly", 100, 0.3, 10),
        ("growing", 20, 0.5, 9),
        ("away", 20, 0.5, 9),
        ("away", 100, 0.3, 10),
        ("sparse", 20, 0.5, 9),
        ("sparse", 100, 0.3, 10),
    ],
)
def test_the_default_rule_sees_a_drop_in_days(world: str, per_day: int, drop: float, days: float) -> None:
    found = figures(HealthBench(per_day, drop, years=0.1, world=load_world(world)), 200)
    assert found["mean_delay_days"] is not None
    assert found["mean_delay_days"] <= days
    assert found["miss"] is not None
    assert found["miss"] <= 0.05


def test_a_world_gives_its_outcome_rhythm_growth_and_outages() -> None:
    world = World(
        outcome=Outcome(mean=2, positive=0.5, sigma=1.0),
        rhythm=Rhythm(weekdays=(2, 1, 1, 1, 1, 0.5, 0.5), growth=4),
        trouble=Trouble(outages=(Outage(day=70, days=3),)),
    )
    life = HealthBench(per_day=10, world=world).live(40, 366, 0.0, np.random.default_rng(1))
    assert life.followers.n[0, [0, 365]].tolist() == [10, 40]
    assert np.flatnonzero(life.followers.n[0] == 0).tolist() == [70, 71, 72]
    by_weekday = [life.followers.total[:, d::7].sum() / life.followers.n[:, d::7].sum() for d in range(7)]
    assert by_weekday == pytest.approx([4, 2, 2, 2, 2, 1, 1], rel=0.15)


def test_days_hang_together_as_asked_and_the_drop_comes_after_the_warm_up() -> None:
    noise = np.random.default_rng(2).standard_normal((200, 300))
    luck = np.log(day_factors(HealthBench(autocorrelation=0.6).rhythm, noise))
    assert luck.std() == pytest.approx(0.25, rel=0.05)
    assert (luck[:, 1:] * luck[:, :-1]).mean() / luck.var() == pytest.approx(0.6, abs=0.03)
    assert (day_factors(HealthBench().rhythm, noise) == 1).all()
    life = HealthBench(per_day=50).live(100, 2 * WARM_UP, 0.4, np.random.default_rng(3))
    before, after = (part.sum() for part in np.split(life.followers.total, 2, axis=1))
    assert after / before == pytest.approx(0.6, abs=0.05)


def test_an_episode_begins_after_a_quiet_day() -> None:
    state = np.array([[1, 1, 0, 1, 0, 0, 1, 1]], bool)
    assert beginnings(state).tolist() == [[True, False, False, True, False, False, True, False]]


def test_the_same_seed_gives_the_same_figures() -> None:
    bench = HealthBench(per_day=5, block=4)
    assert replicate(bench, 10, 3, processes=1) == replicate(bench, 10, 3, processes=2)

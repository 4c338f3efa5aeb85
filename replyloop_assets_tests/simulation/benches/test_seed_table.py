"""The plan's literal rules, measured again: the benches measure what was measured before.

Each figure is one of a table measured independently with 2,000 replications; it must agree within three
joint standard errors (of a figure without one, ours is taken for both).
"""

import pytest

from replyloop_assets.learning.allocation.settings import AllocationSettings
from replyloop_assets.learning.generators.settings import GeneratorSettings
from replyloop_assets.simulation.benches.allocation import AllocationBench
from replyloop_assets.simulation.benches.experiments import ExperimentBench
from replyloop_assets.simulation.benches.generators import GeneratorsBench
from replyloop_assets.simulation.benches.replicate import Bench
from replyloop_assets.simulation.world import Outcome, load_world
from replyloop_assets_tests.simulation.benches.alone import replicate_alone

REPS, MEASURED_WITH = 400, 2_000


def agrees(bench: Bench, **measured: float) -> None:
    """The figures of the bench, by their keys; played once for all of them."""
    found = replicate_alone(bench, REPS, 3)
    for key, figure in measured.items():
        value, error = found[key], found[f"{key}_se"]
        assert value is not None, key
        assert error is not None, key
        assert value == pytest.approx(figure, abs=3 * error * (1 + REPS / MEASURED_WITH) ** 0.5), key


@pytest.mark.parametrize(
    ("world", "fraction", "uniform"),
    [
        ("stationary", 0.865, 0.684),
        ("swap", 0.791, 0.684),
        ("disagree", 0.758, 0.684),
        ("walk", 0.822, 0.583),
    ],
)
def test_thompson_by_rank(world: str, fraction: float, uniform: float) -> None:
    bench = AllocationBench(load_world(world), 50, 90, 8, "seed", AllocationSettings())
    agrees(bench, oracle_fraction=fraction, uniform_fraction=uniform)


@pytest.mark.parametrize(
    ("per_day", "share", "lift", "measured"),
    [
        (20, 0.1, 0.0, {"adopt": 0.009, "reject": 0.32}),
        (100, 0.1, 0.0, {"adopt": 0.026, "reject": 0.39}),
        (100, 0.1, 0.3, {"reject": 0.11}),
        (20, 0.5, 0.0, {"adopt": 0.13}),
        (100, 0.5, 0.0, {"adopt": 0.134}),
    ],
)
def test_welch_every_day(per_day: int, share: float, lift: float, measured: dict[str, float]) -> None:
    agrees(ExperimentBench(per_day, share, lift, 60, "seed"), **measured)


def test_the_best_of_an_account_by_n_over_30() -> None:
    bench = GeneratorsBench(12, 6, 8, 90, "seed", Outcome(), GeneratorSettings())
    agrees(bench, oracle_fraction=0.737, uniform_fraction=0.729)

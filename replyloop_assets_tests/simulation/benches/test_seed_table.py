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
from replyloop_assets.simulation.benches.replicate import Bench, replicate
from replyloop_assets.simulation.world import Outcome, load_world

REPS, MEASURED_WITH = 400, 2_000


def agrees(bench: Bench, key: str, measured: float) -> None:
    found = replicate(bench, REPS, 3, processes=1)
    value, error = found[key], found[f"{key}_se"]
    assert value is not None
    assert error is not None
    assert value == pytest.approx(measured, abs=3 * error * (1 + REPS / MEASURED_WITH) ** 0.5)


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
    agrees(bench, "oracle_fraction", fraction)
    agrees(bench, "uniform_fraction", uniform)


@pytest.mark.parametrize(
    ("per_day", "share", "lift", "key", "measured"),
    [
        (20, 0.1, 0.0, "adopt", 0.009),
        (20, 0.1, 0.0, "reject", 0.32),
        (100, 0.1, 0.0, "adopt", 0.026),
        (100, 0.1, 0.0, "reject", 0.39),
        (100, 0.1, 0.3, "reject", 0.11),
        (20, 0.5, 0.0, "adopt", 0.13),
        (100, 0.5, 0.0, "adopt", 0.134),
    ],
)
def test_welch_every_day(per_day: int, share: float, lift: float, key: str, measured: float) -> None:
    agrees(ExperimentBench(per_day, share, lift, 60, "seed"), key, measured)


def test_the_best_of_an_account_by_n_over_30() -> None:
    bench = GeneratorsBench(12, 6, 8, 90, "seed", Outcome(), GeneratorSettings())
    agrees(bench, "oracle_fraction", 0.737)
    agrees(bench, "uniform_fraction", 0.729)

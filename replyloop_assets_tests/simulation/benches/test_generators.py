"""The bench of generators: its world against integrals, and its rules against what they must earn."""

import numpy as np
import pytest
from scipy import integrate, stats

from replyloop_assets.learning.generators.settings import GeneratorSettings
from replyloop_assets.simulation.benches.generators import GeneratorsBench
from replyloop_assets.simulation.benches.replicate import Samples
from replyloop_assets.simulation.world import Outcome


def play(rule: str, reps: int, days: int, per_day: int = 8, seed: int = 1) -> Samples:
    bench = GeneratorsBench(12, 6, per_day, days, rule, Outcome(), GeneratorSettings())
    return bench.sample(reps, np.random.default_rng(seed))


def even_shares_earn(generators: int, sd: float) -> float:
    """E[exp(x - max)] of independent normals, averaged over them."""

    def behind(top: float) -> float:
        below = stats.norm.cdf(top / sd)
        less = np.exp(sd**2 / 2 - top) * stats.norm.cdf((top - sd**2) / sd)
        return float(stats.norm.pdf(top, 0, sd) * below ** (generators - 2) * less)

    return 1 / generators + (generators - 1) * integrate.quad(behind, -10 * sd, 10 * sd)[0]


def test_even_shares_earn_what_the_integral_says() -> None:
    expected = even_shares_earn(6, np.hypot(0.2, 0.2))
    assert expected == pytest.approx(0.729, abs=0.002)  # as it was measured before
    found = play("seed", 1000, 1, per_day=1)["uniform"]
    assert found.mean() == pytest.approx(expected, abs=4 * found.std() / 1000**0.5)


def test_the_seeds_rule_locks_on_to_the_default_and_earns_no_more_than_even_shares() -> None:
    found = play("seed", 400, 20)["oracle"]
    expected = even_shares_earn(6, np.hypot(0.2, 0.2))
    assert found.mean() == pytest.approx(expected, abs=4 * found.std() / 400**0.5)
    assert found.std() > 0.1  # each life is as lucky as its default generator


def test_the_default_rule_learns_and_the_same_seed_plays_the_same() -> None:
    found = play("default", 12, 30)
    assert found["oracle"].mean() > 0.82
    np.testing.assert_array_equal(found["oracle"], play("default", 12, 30)["oracle"])
    assert found["oracle"].mean() > play("default", 12, 5)["oracle"].mean()


def test_figures_are_averages_over_lives() -> None:
    bench = GeneratorsBench(12, 6, 8, 90, "default", Outcome(), GeneratorSettings())
    found = bench.summarise({"oracle": np.array([0.8, 0.9]), "uniform": np.array([0.7, 0.74])})
    assert found == pytest.approx({"oracle_fraction": 0.85, "uniform_fraction": 0.72})

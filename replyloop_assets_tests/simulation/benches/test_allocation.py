"""The bench of the allocation measures what it says: known ceilings, exact shares, the same seed the same."""

import numpy as np
import pytest

from replyloop_assets.learning.allocation.settings import AllocationSettings
from replyloop_assets.simulation.benches.allocation import AllocationBench, binned
from replyloop_assets.simulation.benches.arms import draw_arms
from replyloop_assets.simulation.benches.playing import statistics
from replyloop_assets.simulation.world import World, load_world

SETTINGS = AllocationSettings()


def bench(world: str, rule: str = "default", days: int = 30, arms: int = 8) -> AllocationBench:
    return AllocationBench(load_world(world), 50, days, arms, rule, SETTINGS)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("world", "uniform"), [("stationary", 0.684), ("swap", 0.684), ("disagree", 0.684), ("walk", 0.583)]
)
def test_a_uniform_policy_earns_what_was_measured(world: str, uniform: float) -> None:
    """statistics.md: 68.4 / 68.4 / 68.4 / 58.3% of the oracle."""
    arms = draw_arms(load_world(world), 8, 4000, 90, np.random.default_rng(2))
    share = arms.mean.mean(-1).sum(0) / arms.mean.max(-1).sum(0)
    assert share.mean() == pytest.approx(uniform, abs=3 * np.hypot(share.std() / 4000**0.5, 0.0015))


def test_a_swap_changes_the_best_with_one_of_the_worse_half() -> None:
    arms = draw_arms(load_world("swap"), 8, 500, 60, np.random.default_rng(1))
    before, after = arms.mean[44], arms.mean[45]
    np.testing.assert_allclose(np.sort(before, -1), np.sort(after, -1))
    changed = before != after
    assert (changed.sum(-1) == 2).all()
    assert changed[np.arange(500), before.argmax(-1)].all()
    rank = np.argsort(np.argsort(before, -1), -1)
    assert rank[np.arange(500), after.argmax(-1)].max() == 3


def test_days_share_their_shock() -> None:
    world = World.model_validate({"rhythm": {"shock": 0.25, "autocorrelation": 0.6}})
    arms = draw_arms(world, 4, 300, 80, np.random.default_rng(1))
    factor = np.log(arms.mean / arms.mean[:1])
    np.testing.assert_allclose(factor, np.broadcast_to(factor[..., :1], factor.shape), atol=1e-9)
    shock = np.log(arms.mean[..., 0] / np.exp(np.log(arms.mean[..., 0]).mean(0)))
    assert shock.std() == pytest.approx(0.25, rel=0.1)
    assert np.corrcoef(shock[1:].ravel(), shock[:-1].ravel())[0, 1] == pytest.approx(0.6, abs=0.08)


def test_the_same_seed_gives_the_same_figures() -> None:
    first, again = (bench("stationary", days=5).sample(20, np.random.default_rng(4)) for _ in range(2))
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])


def test_the_default_rule_learns_and_keeps_exploring() -> None:
    found = bench("stationary").summarise(bench("stationary").sample(100, np.random.default_rng(6)))
    assert found["oracle_fraction"] > 0.85
    assert found["min_exploration"] >= 0.1
    assert found["ece"] < 0.06


def test_the_seeds_rule_has_no_chances_to_be_judged() -> None:
    found = bench("stationary", "seed").summarise(
        bench("stationary", "seed").sample(50, np.random.default_rng(6))
    )
    assert np.isnan(found["ece"])
    assert found["min_exploration"] == pytest.approx(0.3)


def test_statistics_are_those_of_the_rollup() -> None:
    y = np.array([[0.0, 3.0, 1.0, 8.0]])
    of_arm = np.array([[0, 0, 1, 1]])[..., None] == np.arange(3)
    day = statistics(y, of_arm)
    assert day.n.tolist() == [[2, 2, 0]]
    assert day.positives.tolist() == [[1, 2, 0]]
    assert day.sum_log[0] == pytest.approx([np.log(3), np.log(8), 0])
    assert day.sum_log2[0] == pytest.approx([np.log(3) ** 2, np.log(8) ** 2, 0])


def test_bins_count_every_arm_once() -> None:
    chances = np.array([[0.05, 0.95], [1.0, 0.0]])
    counts, total, best = binned(chances, np.array([[1.0, 2.0], [1.0, 2.0]]))
    assert counts.sum() == 4
    assert total.sum() == pytest.approx(2)
    assert best[0, 9] == 1
    assert best[1, 0] == 1

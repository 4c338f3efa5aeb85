"""The bench of policy evaluation: its truth where it is plain, and its rates where they are known."""

import numpy as np
import pytest

from replyloop_assets.learning.allocation.settings import AllocationSettings
from replyloop_assets.learning.evaluation.settings import EvaluationSettings
from replyloop_assets.simulation.benches.arms import draw_arms
from replyloop_assets.simulation.benches.evaluation import EvaluationBench
from replyloop_assets.simulation.benches.playing import play
from replyloop_assets.simulation.world import World, load_world

ALIKE = World.model_validate({"arms": {"spread": 0}})


def bench(rule: str, world: World, days: int = 60, **settings: float) -> EvaluationBench:
    return EvaluationBench(world, 50, days, rule, AllocationSettings(), EvaluationSettings(**settings))


def test_where_all_arms_are_alike_every_policy_is_worth_the_same() -> None:
    samples = bench("seed", ALIKE).sample(40, np.random.default_rng(1))
    assert samples["covered"].shape == (40, 2)
    assert samples["covered"].mean() > 0.9


@pytest.mark.parametrize("rule", ["seed", "default"])
def test_intervals_hold_the_truth(rule: str) -> None:
    one = bench(rule, load_world("stationary"))
    found = one.summarise(one.sample(60, np.random.default_rng(2)))
    assert 0.88 <= found["coverage"] <= 1
    assert 0 <= found["refused"] < 0.15 < found["propensity_refused"] + 0.15
    assert found["log_rmse"] < found["propensity_log_rmse"]


def test_a_short_log_is_refused_where_it_leaves_too_much_open() -> None:
    samples = bench("seed", ALIKE, days=3).sample(30, np.random.default_rng(3))
    assert samples["refused"].mean() > 0.3
    assert samples["propensity_refused"].min() == 1
    assert samples["covered"].mean() > 0.9
    lenient = bench("seed", ALIKE, days=3, widest=1000).sample(30, np.random.default_rng(3))
    assert lenient["refused"].max() == 0


def test_a_log_is_drawn_with_the_shares_that_it_states() -> None:
    one = bench("default", load_world("swap"))
    rng = np.random.default_rng(4)
    arms = draw_arms(one.world, 8, 30, 60, rng)
    days = list(play(arms, 50, "default", one.allocation, rng))
    shares, chosen, y = (np.stack(parts) for parts in list(zip(*days, strict=True))[1:])
    np.testing.assert_allclose(shares.sum(-1), 1)
    assert (y.shape, chosen.shape) == ((60, 30, 50), (60, 30, 50))
    served = (chosen[..., None] == np.arange(8)).sum(2)
    spread = ((served - 50 * shares) ** 2 / (50 * shares * (1 - shares))).mean()
    assert spread == pytest.approx(1, abs=0.1)
    with_truth = np.take_along_axis(arms.mean, chosen, -1)
    assert y.mean() == pytest.approx(with_truth.mean(), rel=0.05)

"""Visits that stand in for followers never count against an arm; a conversion is its likeliest value."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from replyloop_assets.learning.allocation.belief import VISITED, Beliefs, believe
from replyloop_assets.learning.allocation.hurdle import Daily, fold
from replyloop_assets.learning.allocation.value import CONVERSION_SD, converted
from replyloop_assets.learning.comparison import Floats
from replyloop_assets.simulation.outcomes import draw_followers

EVERY_TIME, NEVER = 0, 1


def value_of(arms: list[Floats]) -> Floats:
    """What arms without a follower are believed to be worth, by the visits of one reply a day to each."""
    y = np.stack(arms)
    logs = np.log(np.maximum(y, 1))
    days = Daily(*(part.astype(float).T for part in (np.ones_like(y), y > 0, logs, logs**2)))
    state = fold(days, np.ones(len(y), bool), np.zeros(y.shape[1], bool), prior=VISITED)
    visited = y.sum(-1)
    return converted(believe(state), 0 * visited, visited, np.full(len(y), float(y.shape[1]))).mean


@pytest.mark.parametrize("n", [3, 6, 10, 15])
@pytest.mark.parametrize("others", [0, 3, 6])
def test_an_arms_visits_never_count_against_it(n: int, others: int) -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        rest = [rng.poisson(rng.gamma(1, 1.5, n)).astype(float) for _ in range(others)]
        found = value_of([np.ones(n), np.zeros(n), *rest])
        assert found[EVERY_TIME] > found[NEVER]


def test_a_conversion_is_its_likeliest_value() -> None:
    """A Poisson count of followers around believed visits, a normal log conversion around the family's."""
    followers, visited = np.array([0.0, 3.0, 12.0, 0.0]), np.array([2.0, 150.0, 200.0, 400.0])
    replies = np.full(4, 40.0)
    visits = Beliefs(np.log(np.array([0.2, 3.0, 5.0, 9.0])), np.full(4, 0.2))
    found = converted(visits, followers, visited, replies)
    common = (followers.sum() + 0.5) / (visited.sum() + 1)
    for arm in range(4):
        expected = replies[arm] * np.exp(visits.mean[arm]) * common

        def unlikely(off: float, arm: int = arm, expected: float = expected) -> float:
            return float(expected * np.exp(off) - followers[arm] * off + off**2 / (2 * CONVERSION_SD**2))

        off = minimize_scalar(unlikely, bounds=(-3, 3), method="bounded", options={"xatol": 1e-9}).x
        assert found.mean[arm] - visits.mean[arm] - np.log(common) == pytest.approx(off, abs=1e-5)
    assert (found.deviation > visits.deviation).all()


@pytest.mark.parametrize("sigma", [1.0, 1.3, 1.7])
def test_what_is_believed_of_many_replies_is_the_mean_of_their_law(sigma: float) -> None:
    """E[log y] and half its variance would be a quarter too little at 1.7, as log y ends at 0."""
    rng = np.random.default_rng(4)
    y = draw_followers(np.full((2, 30, 2000), 5.0), 0.4, sigma, rng)
    logs = np.log(np.maximum(y, 1))
    days = Daily(*(part.sum(-1).T for part in (np.ones(y.shape), (y > 0).astype(float), logs, logs**2)))
    found = believe(fold(days, np.ones(2, bool), np.zeros(30, bool)))
    np.testing.assert_allclose(np.exp(found.mean), 5, rtol=0.08)

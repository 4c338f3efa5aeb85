"""What a reply brings has the figures it is said to have."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from replyloop_assets.simulation.outcomes import draw_followers, lifted, size_mean, solve_mu
from replyloop_assets.simulation.world import load_world

REPLIES = 400_000


def drawn(mean: float, positive: float, sigma: float, replies: int = REPLIES) -> np.ndarray:
    return draw_followers(mean, positive, sigma, np.random.default_rng(5), (replies,))


def test_the_default_outcome_is_the_one_measured() -> None:
    """Zeros .60, mean 5, SD about 17.5, half a percent above 100."""
    law = load_world("default").outcome
    y = drawn(law.mean, law.positive, law.sigma)
    error = y.std() / REPLIES**0.5
    assert y.mean() == pytest.approx(5, abs=4 * error)
    assert (y == 0).mean() == pytest.approx(0.6, abs=4 * (0.24 / REPLIES) ** 0.5)
    assert (y > 100).mean() == pytest.approx(0.005, abs=0.0005)
    # the SD's own error, from the fourth moment
    assert y.std() == pytest.approx(17.5, abs=4 * ((y - y.mean()) ** 4).std() ** 0.5 / REPLIES**0.5)


def test_the_sparse_outcome_is_as_sparse_as_real_exports() -> None:
    """Of 1,844 real replies 1.8% brought a follower: mean .022, variance .041, the top 5 held 32%."""
    law = load_world("sparse").outcome
    y = draw_followers(law.mean, law.positive, law.sigma, np.random.default_rng(6), (2_000, 1_844))
    assert (y > 0).mean() == pytest.approx(0.018, abs=4 * (0.018 / y.size) ** 0.5)
    assert y.mean() == pytest.approx(0.022, abs=4 * y.std() / y.size**0.5)
    # one sample of 1,844: the real figure lies within what such samples show
    top = np.sort(y, axis=1)[:, -5:].sum(1) / y.sum(1)
    assert abs(top.mean() - 0.32) < 2 * top.std()
    low, high = np.quantile(y.var(axis=1), [0.1, 0.9])
    assert low < 0.041 < high


def test_a_size_has_the_mean_that_was_asked_for() -> None:
    """Against the sum over whole numbers, from the normal's distribution function."""
    for mean, sigma in ((1.3, 0.95), (12.5, 1.3), (40, 1.7), (3, 1.0)):
        mu = float(solve_mu(np.array(mean), sigma))
        edges = np.log(np.arange(1, 3_000_000) + 0.5)
        assert 1 + stats.norm.sf(edges, mu, sigma).sum() == pytest.approx(mean, rel=2e-3)


@given(st.floats(0.01, 50), st.floats(0.01, 1), st.floats(0.3, 1.8))
def test_followers_are_whole_and_never_negative(mean: float, positive: float, sigma: float) -> None:
    y = drawn(mean, positive, sigma, 200)
    assert (y >= 0).all()
    assert (y == np.round(y)).all()


@given(st.floats(-3, 4))
def test_the_mean_of_a_size_grows_with_mu(mu: float) -> None:
    low, high = size_mean(np.array([mu, mu + 0.1]), 1.3)
    assert 1 < low < high


def test_a_lift_multiplies_the_mean_and_its_root_the_chance() -> None:
    mean, positive = lifted(5, 0.4, np.array([1.0, 1.3, 0.5, 100]))
    assert mean == pytest.approx([5, 6.5, 2.5, 500])
    assert positive == pytest.approx([0.4, 0.4 * 1.3**0.5, 0.4 * 0.5**0.5, 0.95])


def test_a_mean_below_the_chance_of_any_makes_hits_rarer() -> None:
    y = drawn(0.1, 0.4, 1.3)
    assert set(np.unique(y)) == {0, 1}
    assert y.mean() == pytest.approx(0.1, abs=0.003)

"""The rounded log-normal, against sums over its sizes and against replies drawn from it."""

import numpy as np
import pytest
from scipy.stats import norm

from replyloop_assets.learning.belief import law

SIZES = np.arange(1, 2_000_000, dtype=float)


def summed(mu: float, sigma: float) -> tuple[float, float, float, float]:
    """E[log y], Var[log y], log E[y], log CV^2 of max(1, round(exp(N(mu, sigma^2)))), size by size."""
    above = norm.sf((np.log(SIZES + 0.5) - mu) / sigma)
    chance = -np.diff(above, prepend=1.0)
    logs = np.log(SIZES)
    b, mean = chance @ logs, chance @ SIZES
    return b, chance @ logs**2 - b**2, np.log(mean), np.log(chance @ SIZES**2 / mean**2 - 1)


@pytest.mark.parametrize(("mu", "sigma"), [(-0.5, 1.0), (0.0, 0.6), (0.4, 1.3), (1.7, 1.7), (3.0, 1.0)])
def test_the_law_is_what_its_sizes_sum_to(mu: float, sigma: float) -> None:
    b, variance, log_mean, log_cv2 = summed(mu, sigma)
    at = law.size(np.array(b), np.array(variance))
    assert at.log_mean == pytest.approx(log_mean, abs=0.01)
    assert at.log_cv2 == pytest.approx(log_cv2, abs=0.1)
    after = summed(mu + 0.01, sigma)
    assert at.by_mean == pytest.approx((after[2] - log_mean) / (after[0] - b), abs=0.1)
    assert at.sigma == pytest.approx(sigma, abs=0.05)
    assert law.log_variance(np.array(b), sigma) == pytest.approx(variance, rel=0.03)


def test_large_sizes_are_log_normal() -> None:
    """exp(8) is beyond the table; there log E[y] = b + s2 / 2 to the last digit that shows."""
    b, variance = np.array([5.0, 6.5, 7.5, 9.0]), np.array([0.3, 1.0, 0.5, 1.5])
    np.testing.assert_allclose(law.size(b, variance).log_mean, b + variance / 2, atol=0.01)


def test_small_sizes_bring_less_than_a_log_normal_would() -> None:
    b, variance, log_mean, _ = summed(0.2, 1.7)
    assert law.size(np.array(b), np.array(variance)).log_mean == pytest.approx(log_mean, abs=0.01)
    assert abs(log_mean - (b + variance / 2)) > 0.2

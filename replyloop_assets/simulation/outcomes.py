"""What one reply brings: mostly nothing, sometimes much. A hurdle, and a rounded log-normal size.

y = 0 with probability 1 - p, else max(1, round(exp(N(mu, sigma^2)))), with mu solved so that E[y] = m.
Base: m = 5, p = .4, sigma = 1.3, as fitted to what reply bots see; SD 17.5, one in 200 above 100.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST_AFTER_LIFT = 0.95  # of P(y > 0)
SUMMED = 40  # sizes summed one by one; the tail behind them is an integral
MUS = np.arange(-12.0, 14.0, 0.02)


def size_mean(mu: Floats, sigma: float) -> Floats:
    """E[max(1, round(exp(N(mu, sigma^2))))], any shape.

    The sum of P(size > k), each the normal's tail beyond log(k + 1/2); behind `SUMMED` its integral.
    """
    from scipy.special import ndtr

    mu = np.asarray(mu, float)[..., None]
    steps = ndtr((mu - np.log(np.arange(1, SUMMED) + 0.5)) / sigma).sum(-1)
    mu = mu[..., 0]
    beyond = (mu - np.log(SUMMED)) / sigma
    tail = np.exp(mu + sigma**2 / 2) * ndtr(beyond + sigma) - SUMMED * ndtr(beyond)
    return np.asarray(1 + steps + tail)


@cache
def log_size_means(sigma: float) -> Floats:
    """log(E[size] - 1) at each of `MUS`."""
    return np.log(np.maximum(size_mean(MUS, sigma) - 1, 1e-300))


def solve_mu(size: Floats, sigma: Floats | float) -> Floats:
    """Mu of the size whose mean is `size`; a mean of 1 or less is a size that is always 1."""
    size, sigma = np.broadcast_arrays(np.asarray(size, float), np.asarray(sigma, float))
    wanted = np.log(np.maximum(size - 1, 1e-12))
    mu = np.empty(size.shape)
    for one in np.unique(sigma):
        same = sigma == one
        mu[same] = np.interp(wanted[same], log_size_means(float(one)), MUS)
    return mu


def lifted(mean: Floats | float, positive: Floats | float, lift: Floats | float) -> tuple[Floats, Floats]:
    """(m, p) under a lift L: the mean times L, the chance of any times the root of L, at most .95."""
    positive, lift = np.asarray(positive, float), np.asarray(lift, float)
    return np.asarray(mean, float) * lift, np.minimum(
        positive * np.sqrt(lift), np.maximum(MOST_AFTER_LIFT, positive)
    )


def draw_followers(
    mean: Floats | float,
    positive: Floats | float,
    sigma: Floats | float,
    rng: np.random.Generator,
    size: tuple[int, ...] | None = None,
) -> Floats:
    """New followers of replies with these means and chances of any, whole numbers as floats.

    Where the mean is below the chance of any (each hit brings at least one), hits are rarer instead.
    """
    mean, positive = np.asarray(mean, float), np.asarray(positive, float)
    shape = np.broadcast_shapes(mean.shape, positive.shape, np.shape(sigma)) if size is None else size
    chance = np.minimum(positive, mean)
    mu = solve_mu(mean / np.maximum(chance, 1e-12), sigma)
    hit = rng.random(shape) < chance
    normal = rng.standard_normal(shape)
    return np.where(hit, np.maximum(1, np.round(np.exp(mu + sigma * normal))), 0.0)

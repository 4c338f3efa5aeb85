"""The law of sizes: a log-normal rounded to whole numbers, never below 1, by its first two log moments.

Of y > 0 with latent N(mu, sigma^2): b = E[log y] and s2 = Var[log y] are what the rollup tells; what they
imply for E[y] is tabulated once and looked up. For large counts it is b + s2 / 2; for small ones much less,
as log y is cut off at 0.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from replyloop_assets.learning.comparison import Floats

SUMMED = 60  # sizes below are summed one by one; beyond them rounding changes nothing
MUS = np.arange(-4.0, 9.01, 0.125)
SIGMAS = np.concatenate([[0.05], np.arange(0.1, 3.01, 0.1)])
SIGMA_MOST = 2.4  # a log variance above that of this sigma is not believed
MEANS = np.concatenate([[0.005, 0.01, 0.02, 0.04], np.arange(0.07, 0.6, 0.05), np.arange(0.6, 7.01, 0.1)])
VARIANCES = np.concatenate([np.geomspace(0.004, 0.2, 14), np.geomspace(0.23, 7.0, 40)])


class Size(NamedTuple):
    """What the law says at some (b, s2): arrays of their shape."""

    log_mean: Floats  # log E[y | y > 0]
    by_mean: Floats  # its slope in b, sigma being fixed
    by_variance: Floats  # its slope in log s2, b being fixed
    sigma: Floats  # of the latent normal
    log_cv2: Floats  # log of Var[y | y > 0] / E[y | y > 0]^2


def moments() -> Floats:
    """E[log y], Var[log y], log E[y] and log CV^2 at each of MUS and SIGMAS: shape (4, mus, sigmas)."""
    from scipy.special import ndtr

    mu, sigma = MUS[:, None], SIGMAS
    sizes = np.arange(1, SUMMED, dtype=float)
    beyond = ndtr((mu - np.log(sizes + 0.5)[:, None, None]) / sigma)  # P(y > size)
    chance = np.concatenate([1 - beyond[:1], beyond[:-1] - beyond[1:]])

    def summed(values: Floats) -> Floats:
        return np.asarray(np.tensordot(values, chance, 1))

    # behind the last size the latent normal's own partial moments
    z = (mu - np.log(SUMMED - 0.5)) / sigma
    density = sigma * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    log = summed(np.log(sizes)) + mu * ndtr(z) + density
    log2 = summed(np.log(sizes) ** 2) + (mu**2 + sigma**2) * ndtr(z) + density * (2 * mu - sigma * z)
    mean = summed(sizes) + np.exp(mu + sigma**2 / 2) * ndtr(z + sigma)
    square = summed(sizes**2) + np.exp(2 * mu + 2 * sigma**2) * ndtr(z + 2 * sigma)
    variance = np.maximum(log2 - log**2, 1e-9)
    return np.stack([log, variance, np.log(mean), np.log(np.maximum(square / mean**2 - 1, 1e-9))])


@cache
def at_sigmas() -> Floats:
    """Var[log y], log E[y], log CV^2 at each of SIGMAS and MEANS: shape (3, sigmas, means)."""
    log, *others = moments()
    found = np.empty((3, len(SIGMAS), len(MEANS)))
    for column in range(len(SIGMAS)):
        rising = np.concatenate([[True], np.diff(log[:, column]) > 1e-9])
        for part, values in zip(found, others, strict=True):
            part[column] = np.interp(MEANS, log[rising, column], values[rising, column])
    return found


@cache
def table() -> Floats:
    """The fields of `Size` at each of MEANS and VARIANCES: shape (means, variances, 5)."""
    variance, log_mean, log_cv2 = at_sigmas()
    fields = (
        log_mean,
        np.gradient(log_mean, MEANS, axis=1),
        log_mean,
        np.broadcast_to(SIGMAS[:, None], log_mean.shape),
        log_cv2,
    )
    found = np.empty((len(MEANS), len(VARIANCES), len(fields)))
    for row in range(len(MEANS)):
        rising = np.maximum.accumulate(variance[:, row] + 1e-9 * np.arange(len(SIGMAS)))
        for field, values in enumerate(fields):
            found[row, :, field] = np.interp(VARIANCES, rising, values[:, row])
    found[..., 2] = np.gradient(found[..., 0], np.log(VARIANCES), axis=1)
    return found


def size(mean: Floats, variance: Floats) -> Size:
    """The law at E[log y] and Var[log y] of y > 0, bilinear in the table; any shape."""
    spread = np.log(np.clip(variance, VARIANCES[0], VARIANCES[-1]))
    found = np.moveaxis(bilinear(table(), MEANS, np.log(VARIANCES), mean, spread), -1, 0)
    # counts beyond the table are so large that rounding is nothing: all of b is in log E[y]
    return Size(found[0] + np.maximum(mean - MEANS[-1], 0), *found[1:])


def log_variance(mean: Floats, sigma: Floats | float) -> Floats:
    """Var[log y] where E[log y] is `mean` and the latent SD is `sigma`; any shape."""
    return bilinear(at_sigmas()[0].T[..., None], MEANS, SIGMAS, mean, np.asarray(sigma))[..., 0]


def bilinear(known: Floats, rows: Floats, columns: Floats, row: Floats, column: Floats) -> Floats:
    """A table of shape (rows, columns, fields) at any places, whose fields come last; its edge beyond it."""
    row, column = np.broadcast_arrays(
        np.clip(row, rows[0], rows[-1]), np.clip(column, columns[0], columns[-1])
    )
    i = np.clip(np.searchsorted(rows, row) - 1, 0, len(rows) - 2)
    j = np.clip(np.searchsorted(columns, column) - 1, 0, len(columns) - 2)
    u = ((row - rows[i]) / (rows[i + 1] - rows[i]))[..., None]
    v = ((column - columns[j]) / (columns[j + 1] - columns[j]))[..., None]
    below = known[i, j] * (1 - v) + known[i, j + 1] * v
    above = known[i + 1, j] * (1 - v) + known[i + 1, j + 1] * v
    return np.asarray(below + u * (above - below))

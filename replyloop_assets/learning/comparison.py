"""Two groups by their sufficient statistics: what experiments and health both compare with."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LOG_VARIANCE, LOG_VARIANCE_WEIGHT = 1.5, 20.0  # of the sizes of replies that brought any, before any data


def ratio(above: Floats, below: Floats, where: NDArray[np.bool_]) -> Floats:
    """Above / below, NaN outside `where`."""
    quotient: Floats = np.full(np.broadcast_shapes(np.shape(above), np.shape(below)), np.nan)
    np.divide(above, below, out=quotient, where=where)
    return quotient


class Moments(NamedTuple):
    """Count, sum and sum of squares, as arrays of one shape."""

    n: Floats
    total: Floats
    squares: Floats

    @property
    def mean(self) -> Floats:
        """The average, NaN where nothing was counted."""
        return ratio(self.total, self.n, self.n > 0)

    @property
    def variance(self) -> Floats:
        """The sample variance, NaN below two."""
        deviation: Floats = np.maximum(self.squares - self.n * self.mean**2, 0)
        return ratio(deviation, self.n - 1, self.n > 1)


class Evidence(NamedTuple):
    """What one group brought, as the daily rollup holds it; arrays of one shape."""

    followers: Moments  # of y
    log1p: Moments  # of log(1 + y)
    positive: Moments  # of log y over y > 0
    bins: Floats  # how many y fell into each bin of `bin_of`: one axis more, the last


EXACT_BINS, BINS_PER_DOUBLING, BINS = 16, 4, 96  # up to 2^24


def bin_of(y: Floats) -> NDArray[np.intp]:
    """The bin of each count: exact below 16, then four to each doubling, as `histogram_bin` in SQL."""
    beyond = EXACT_BINS + np.floor(BINS_PER_DOUBLING * np.log2(np.maximum(y, EXACT_BINS) / EXACT_BINS))
    return np.clip(np.where(y < EXACT_BINS, np.maximum(y, 0), beyond), 0, BINS - 1).astype(np.intp)


def bin_values() -> Floats:
    """What a count in each bin is taken for: itself below 16, else the bin's geometric middle."""
    bins = np.arange(BINS)
    middle = EXACT_BINS * 2 ** ((bins - EXACT_BINS + 0.5) / BINS_PER_DOUBLING)
    return np.where(bins < EXACT_BINS, bins, middle)


def capped(groups: Sequence[Evidence], quantile: float) -> list[Moments]:
    """Each group's moments of y capped at this quantile of all groups together, from their bins."""
    pooled = np.sum([group.bins for group in groups], axis=0)
    reached = pooled.cumsum(-1) >= quantile * pooled.sum(-1, keepdims=True)
    values = bin_values()
    cap = np.minimum(values, values[reached.argmax(-1)][..., None])
    return [
        Moments(group.bins.sum(-1), (group.bins * cap).sum(-1), (group.bins * cap**2).sum(-1))
        for group in groups
    ]


def balanced_z(a: Moments, b: Moments) -> Floats:
    """The mean of b minus that of a in units of its error; NaN where the variance is 0 or unknown.

    A variance of both groups together leaves the skew of a small group in the statistic; one of each group's
    own follows that group's mean and skews it twice as far to the other side. In the tails, one third of
    the latter cancels the skew to the first order (Edgeworth expansion: Hall 1992, 2.6).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = ((a.n - 1) * a.variance + (b.n - 1) * b.variance) / (a.n + b.n - 2)
        squared = 2 / 3 * pooled * (1 / a.n + 1 / b.n) + 1 / 3 * (a.variance / a.n + b.variance / b.n)
        z = (b.mean - a.mean) / np.sqrt(squared)
    return np.where(np.isfinite(z), z, np.nan)


def welch(a: Moments, b: Moments) -> tuple[Floats, Floats]:
    """Welch's t of b against a, and its degrees of freedom; NaN where a variance is unknown or both 0.

    Welch (1947); equals `scipy.stats.ttest_ind_from_stats(equal_var=False)` on the same statistics.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        va, vb = a.variance / a.n, b.variance / b.n
        t = (b.mean - a.mean) / np.sqrt(va + vb)
        freedom = (va + vb) ** 2 / (va**2 / (a.n - 1) + vb**2 / (b.n - 1))
    t = np.where(np.isfinite(t), t, np.nan)
    return t, np.where(np.isfinite(freedom), freedom, np.nan)


def two_sided(t: Floats, freedom: Floats) -> Floats:
    """The two-sided p-value of a t statistic."""
    from scipy.special import stdtr

    return np.asarray(2 * stdtr(freedom, -np.abs(t)))


def lower_tail(t: Floats, freedom: Floats) -> Floats:
    """The one-sided p-value of "b is below a"."""
    from scipy.special import stdtr

    return np.asarray(stdtr(freedom, t))

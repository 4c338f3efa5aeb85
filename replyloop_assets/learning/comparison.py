"""Two groups by their sufficient statistics: what experiments and health both compare with."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


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

"""Over weeks, does it rise, stay or fall? A straight line through daily means, weekdays taken out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.comparison import Flags, Floats, ratio
from replyloop_assets.learning.health.baseline import by_week, over_weeks
from replyloop_assets.learning.health.settings import FEWEST_WEEKS

FEWEST_REPLIES = 100
FALSE_RATE = 0.05


class Slope(NamedTuple):
    """A line's change a week as a fraction of the level, its standard error with degrees of freedom.

    NaN where there are too few weeks or replies, or nothing to grow from; `weeks` are those with outcomes.
    """

    per_week: Floats
    error: Floats
    freedom: Floats
    weeks: Floats

    @property
    def p_value(self) -> Floats:
        """Two-sided, of there being no trend (Student's t)."""
        from scipy.special import stdtr

        t = ratio(np.abs(self.per_week), self.error, self.error > 0)
        return np.asarray(2 * stdtr(self.freedom, -t))


class Trend(NamedTuple):
    """The change a week as a fraction of the level, with its interval, and what it comes to.

    `direction` is rising or falling where the interval lies on one side of 0, else flat; unknown where
    there are too few weeks or replies, or nothing to grow from.
    """

    weeks: NDArray[np.intp]
    per_week: Floats
    low: Floats
    high: Floats
    direction: NDArray[np.str_]


def find_trends(n: Floats, total: Floats, alone: Flags) -> Trend:
    """The trends of many values over consecutive days, shape (values, days) becomes (values,).

    One is false in twenty times it is looked `alone` at; of the others' directions, all together, one in
    twenty at most on average (Benjamini and Hochberg 1995). Their intervals are as wide as that takes
    (Benjamini and Yekutieli 2005): to have a direction and to exclude 0 are the same.

    Args:
        n: replies a day; total what they brought.
        alone: which of the values are looked at alone.
    """
    from scipy.special import stdtrit

    slope = fit_slope(n, total)
    chance = np.where(alone, FALSE_RATE, false_rate(slope.p_value[~alone]))
    reach = stdtrit(slope.freedom, 1 - chance / 2) * slope.error
    low, high = slope.per_week - reach, slope.per_week + reach
    direction = np.select([np.isnan(low), low > 0, high < 0], ["unknown", "rising", "falling"], "flat")
    return Trend(slope.weeks.astype(int), slope.per_week, low, high, direction)


def false_rate(p_values: Floats) -> float:
    """How often each of these may be false for one in twenty of what is found to be so, NaN left out."""
    known = np.sort(p_values[np.isfinite(p_values)])
    allowed = FALSE_RATE * np.arange(1, len(known) + 1) / max(len(known), 1)
    return float(max(allowed[known <= allowed], default=FALSE_RATE / max(len(known), 1)))


def fit_slope(n: Floats, total: Floats) -> Slope:
    """Least squares on the day and seven weekdays, each day weighted by its replies.

    The days of a week share their luck, so the standard error is the jackknife over whole weeks (Efron
    1979; CR3 of the clustered errors), which unlike the plain clustered one holds with few of them. The
    first and last weeks tell most of a slope, so its degrees of freedom are fewer than weeks (the idea of
    Satterthwaite; Bell and McCaffrey 2002), which decides far out, where many values are looked at.
    """
    n, total = by_week(n), by_week(total)
    replies, weeks = n.sum((-1, -2)), (n > 0).any(-1).sum(-1).astype(float)
    without = 1 - np.eye(n.shape[-2])[:, :, None]  # each week left out in turn
    slope, told = least_squares(n, total)
    left, _ = least_squares(n[..., None, :, :] * without, total[..., None, :, :] * without)
    held: Flags = (n > 0).any(-1) & np.isfinite(left)
    spread = np.where(held, left - slope[..., None], 0)
    error = np.sqrt((spread**2).sum(-1) * (weeks - 1) / np.maximum(weeks, 1))
    enough = (weeks >= FEWEST_WEEKS) & (replies >= FEWEST_REPLIES) & ((n > 0).sum((-1, -2)) > 8)
    level = ratio(total.sum((-1, -2)), replies, enough)
    per_week, error = (ratio(7 * part, level, level > 0) for part in (slope, error))
    freedom = np.maximum(ratio(told.sum(-1) ** 2, (told**2).sum(-1), enough), 1)
    return Slope(per_week, error, freedom, weeks)


def least_squares(n: Floats, total: Floats) -> tuple[Floats, Floats]:
    """The slope a day of weeks (..., weeks, 7), NaN where not determined; and what each week tells of it."""
    x = np.divide(total, n, out=np.zeros_like(n), where=n > 0)
    day = np.arange(n.shape[-2] * n.shape[-1], dtype=float).reshape(n.shape[-2:])
    x, day = (part - weekday_means(n, part)[..., None, :] for part in (x, day))
    told = (n * day**2).sum(-1)
    moved = told.sum(-1)
    return ratio((n * day * x).sum((-1, -2)), moved, moved > 0), told


def weekday_means(n: Floats, part: Floats) -> Floats:
    """The weighted mean of each weekday, shape (..., 7)."""
    return over_weeks(n * part) / np.maximum(over_weeks(n), 1)

"""Over weeks, does it rise, stay or fall? A straight line through daily means, weekdays taken out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.comparison import Floats, Moments, ratio
from replyloop_assets.learning.health.baseline import by_week, over_weeks

FEWEST_WEEKS = 4  # with outcomes, below which there is no telling
CONFIDENCE = 0.95


class Trend(NamedTuple):
    """The change a week as a fraction of the level, with its interval, and what it comes to.

    `direction` is rising or falling where the interval lies on one side of 0, else flat; unknown where
    there are too few weeks, or nothing to grow from.
    """

    per_week: Floats
    low: Floats
    high: Floats
    direction: NDArray[np.str_]


def find_trend(daily: Moments) -> Trend:
    """The trend of consecutive days, each weighted by its replies; shape (..., days) becomes (...).

    Least squares on the day and seven weekdays. The days of a week share their luck, so the standard
    error is the jackknife over whole weeks (Efron 1979; CR3 of the clustered errors), which unlike the
    plain clustered one holds with few of them; Student's t with a degree less than weeks.
    """
    from scipy.special import stdtrit

    n, total = by_week(daily.n), by_week(daily.total)
    weeks = (n > 0).any(-1).sum(-1)
    without = 1 - np.eye(n.shape[-2])[:, :, None]  # each week left out in turn
    slope = fit_slope(n, total)
    left = fit_slope(n[..., None, :, :] * without, total[..., None, :, :] * without)
    held = (n > 0).any(-1) & np.isfinite(left)
    spread = np.where(held, left - slope[..., None], 0)
    enough = (weeks >= FEWEST_WEEKS) & ((n > 0).sum((-1, -2)) > 8)
    error = np.sqrt((spread**2).sum(-1) * (weeks - 1) / np.maximum(weeks, 1))
    reach = stdtrit(np.maximum(weeks - 1.0, 1), (1 + CONFIDENCE) / 2) * error

    level = ratio(total.sum((-1, -2)), n.sum((-1, -2)), enough)
    per_week, low, high = (
        ratio(7 * bound, level, level > 0) for bound in (slope, slope - reach, slope + reach)
    )
    direction = np.select([np.isnan(low), low > 0, high < 0], ["unknown", "rising", "falling"], "flat")
    return Trend(per_week, low, high, direction)


def fit_slope(n: Floats, total: Floats) -> Floats:
    """The slope a day of weeks (..., weeks, 7), NaN where it is not determined."""
    x = np.divide(total, n, out=np.zeros_like(n), where=n > 0)
    day = np.arange(n.shape[-2] * n.shape[-1], dtype=float).reshape(n.shape[-2:])
    x, day = (part - weekday_means(n, part)[..., None, :] for part in (x, day))
    moved = (n * day**2).sum((-1, -2))
    return ratio((n * day * x).sum((-1, -2)), moved, moved > 0)


def weekday_means(n: Floats, part: Floats) -> Floats:
    """The weighted mean of each weekday, shape (..., 7)."""
    return over_weeks(n * part) / np.maximum(over_weeks(n), 1)

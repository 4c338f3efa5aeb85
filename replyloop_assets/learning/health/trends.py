"""Over weeks, does it rise, stay or fall? A straight line through daily means, weekdays taken out."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.comparison import Flags, Floats, ratio
from replyloop_assets.learning.dimensions import ALL, TRENDING
from replyloop_assets.learning.health.baseline import WEEK, by_week, over_days, over_weeks
from replyloop_assets.learning.health.rollup import Places, Rollup
from replyloop_assets.learning.health.settings import FEWEST_WEEKS

FEWEST_REPLIES = 100
FALSE_RATE = 0.05
MOST_VALUES = 4000  # are looked at together, which bounds the memory


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


def tell_trends(rollups: Sequence[Rollup], firsts: Places, days: int) -> list[list[dict[str, Any]]]:
    """Whether each value that came in a window rises or falls, window by window; NaN is None.

    Args:
        rollups: of what is watched in each window.
        firsts: where each window of so many days begins in its rollup.
    """
    values = {id(one): one.places(TRENDING) for one in rollups}
    at_once = max(1, MOST_VALUES // max(1, *map(len, values.values()))) if values else 1
    told: list[list[dict[str, Any]]] = []
    for start in range(0, len(rollups), at_once):
        rows, n, total = [], [np.zeros((0, days))], [np.zeros((0, days))]
        for rollup, first in zip(rollups[start:][:at_once], firsts[start:].tolist(), strict=False):
            replies = rollup.logs.n[:, first : first + days]
            places = values[id(rollup)]
            rows.append((rollup, places[replies[places].any(-1)]))
            n.append(replies[rows[-1][1]])
            total.append(rollup.logs.total[rows[-1][1], first : first + days])
        told += tell_block(rows, np.concatenate(n), np.concatenate(total))
    return told


def tell_block(
    rows: Sequence[tuple[Rollup, Places]], n: Floats, total: Floats
) -> Iterator[list[dict[str, Any]]]:
    """The trends of some windows' values, shape (values, days), those of one window together."""
    keys = [(rollup.dimension[place], rollup.value[place]) for rollup, places in rows for place in places]
    looks = np.repeat(np.arange(len(rows)), [len(places) for _, places in rows])
    found = find_trends(n, total, np.array([name == ALL for name, _ in keys], bool), looks)
    columns = [[None if one != one else one for one in part.tolist()] for part in found]
    lines = zip(keys, n.sum(-1).astype(int).tolist(), *columns, strict=True)
    names = ("dimension", "value", "replies", *Trend._fields)
    told = iter([dict(zip(names, (*key, *line), strict=True)) for key, *line in lines])
    return (list(islice(told, len(places))) for _, places in rows)


def find_trends(n: Floats, total: Floats, alone: Flags, looks: Places | None = None) -> Trend:
    """The trends of many values over consecutive days, shape (values, days) becomes (values,).

    One is false in twenty times it is looked `alone` at; of the others' directions, all of one look
    together, one in twenty at most on average (Benjamini and Hochberg 1995). Their intervals are as wide as
    that takes (Benjamini and Yekutieli 2005): to have a direction and to exclude 0 are the same.

    Args:
        n: replies a day; total what they brought.
        alone: which of the values are looked at alone.
        looks: the look that each value belongs to, counted from 0; one if not given.
    """
    from scipy.special import stdtrit

    slope = fit_slope(n, total)
    looks = np.zeros(len(n), int) if looks is None else looks
    p_value = slope.p_value
    together = np.array(
        [false_rate(p_value[~alone & (looks == look)]) for look in range(looks.max(initial=0) + 1)]
    )
    chance = np.where(alone, FALSE_RATE, together[looks])
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
    came: Flags = np.asarray((n > 0).any(1))
    replies = over_days(n)
    weeks = came.sum(0).astype(float)
    slope, moved, told = least_squares(n, total)
    squares = np.zeros_like(slope)
    for week in range(len(n)):
        without = np.arange(len(n)) != week
        left, *_ = least_squares(n * without[:, None, None], total * without[:, None, None])
        squares += np.where(came[week] & np.isfinite(left), left - slope, 0) ** 2
    error = np.sqrt(squares * (weeks - 1) / np.maximum(weeks, 1))
    enough = (weeks >= FEWEST_WEEKS) & (replies >= FEWEST_REPLIES) & (over_days((n > 0).astype(float)) > 8)
    level = ratio(over_days(total), replies, enough)
    per_week, error = (ratio(7 * part, level, level > 0) for part in (slope, error))
    # week after week, whether of one value or of many
    apart = np.cumsum(told**2, axis=0)[-1]
    freedom = np.maximum(ratio(moved**2, apart, enough), 1)
    return Slope(per_week, error, freedom, weeks)


def least_squares(n: Floats, total: Floats) -> tuple[Floats, Floats, Floats]:
    """The slope a day, NaN where not determined, what all weeks tell and each; from (weeks, 7, values)."""
    x = np.divide(total, n, out=np.zeros_like(n), where=n > 0)
    day = np.arange(n.shape[0] * WEEK, dtype=float).reshape(-1, WEEK, 1)
    x, day = (part - weekday_means(n, part) for part in (x, day))
    told = n * day**2
    moved = over_days(told)
    return ratio(over_days(n * day * x), moved, moved > 0), moved, told.sum(1)


def weekday_means(n: Floats, part: Floats) -> Floats:
    """The weighted mean of each weekday, shape (7, values)."""
    return over_weeks(n * part) / np.maximum(over_weeks(n), 1)

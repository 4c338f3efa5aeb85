"""The arms of many families, row by row, and how followers come of visits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.belief.estimate import believe
from replyloop_assets.learning.belief.settings import Belief, Totals
from replyloop_assets.learning.lazily import pd

WIDTH = 8  # families are believed side by side in widths of its multiples, the same in any batch
DIGITS = 9  # beyond which a belief depends on the machine
MOST_CELLS = 20_000  # believed at once, which bounds the memory


def believe_families(families: Sequence[str], totals: Totals) -> Belief:
    """What is believed of arms listed in any order, each of the family named at its place; arrays (rows,)."""
    names, place = np.unique(np.asarray(families, object).astype(str), return_inverse=True)
    order = np.argsort(place, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(place, minlength=len(names)))[:-1])
    by_width: dict[int, list[NDArray[np.intp]]] = {}
    for rows in members:
        by_width.setdefault(-(-len(rows) // WIDTH) * WIDTH, []).append(rows)
    found = np.full((len(Belief._fields), len(place)), np.nan)
    for width, alike in by_width.items():
        most = max(1, MOST_CELLS // width)
        for batch in (alike[first : first + most] for first in range(0, len(alike), most)):
            rows = np.concatenate(batch)
            line = np.repeat(np.arange(len(batch)), [len(one) for one in batch])
            column = np.concatenate([np.arange(len(one)) for one in batch])
            sums = np.zeros((len(Totals._fields), len(batch), width))
            sums[:, line, column] = [part[rows] for part in totals]
            found[:, rows] = np.array(believe(Totals(*sums)))[:, line, column]
    return Belief(*np.round(found, DIGITS))


def totals_of(frame: pd.DataFrame, metric: str) -> Totals:
    """The sums of one metric, from the columns `<metric>_<field>`."""
    return Totals(*(frame[f"{metric}_{field}"].to_numpy(float) for field in Totals._fields))


class Conversion(NamedTuple):
    """How many followers come of one profile visit, with the 95% interval."""

    mean: float
    low: float
    high: float


def convert(followers: Totals, visits: Totals, coverage: float = 0.95) -> Conversion:
    """Followers per visit, from the sums over all replies; arrays of one entry.

    Jeffreys' posterior of a Poisson rate, its counts divided by how much more they scatter than a Poisson's
    (quasi-likelihood: McCullagh and Nelder 1989), as followers come several at a time.
    """
    from scipy.special import gammaincinv

    n, total = followers.n.item(), followers.sum_y.item()
    variance = max(followers.sum_y2.item() - total**2 / n, 0) / max(n - 1, 1)
    scatter = max(1.0, variance / (total / n)) if total > 0 else 1.0
    # visits of as many replies: one metric may be known of more of them than the other
    seen = visits.sum_y.item() / visits.n.item() * n / scatter
    shape = total / scatter + 0.5
    low, high = (float(gammaincinv(shape, part)) / seen for part in ((1 - coverage) / 2, (1 + coverage) / 2))
    return Conversion(*(round(float(part), DIGITS) for part in (shape / seen, low, high)))

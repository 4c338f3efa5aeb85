"""The arms of many families, row by row, and how followers come of visits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from replyloop_assets.learning.belief.estimate import believe
from replyloop_assets.learning.belief.settings import Belief, Totals
from replyloop_assets.learning.lazily import pd

SMALL_FAMILY = 32  # arms up to which families are believed side by side
DIGITS = 9  # beyond which a belief depends on the machine


def believe_families(families: Sequence[str], totals: Totals) -> Belief:
    """What is believed of arms listed in any order, each of the family named at its place; arrays (rows,)."""
    names, place = np.unique(np.asarray(families, object).astype(str), return_inverse=True)
    members = [np.flatnonzero(place == number) for number in range(len(names))]
    small = [rows for rows in members if len(rows) <= SMALL_FAMILY]
    found = np.full((len(Belief._fields), len(place)), np.nan)
    for batch in ([small] if small else []) + [[rows] for rows in members if len(rows) > SMALL_FAMILY]:
        most = max(map(len, batch))
        sums = np.zeros((len(Totals._fields), len(batch), most))
        for line, rows in enumerate(batch):
            sums[:, line, : len(rows)] = [part[rows] for part in totals]
        beliefs = believe(Totals(*sums))
        for line, rows in enumerate(batch):
            found[:, rows] = [part[line, : len(rows)] for part in beliefs]
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

"""Where a pivot explores: in the dimensions whose values a change may have moved against each other.

What falls alike for all values of a dimension leaves their order as it was, and to explore there costs and
teaches nothing. So of each value's replies before the drop and since, the change of log E[y] is taken by
its two parts, the chance of any and the mean log; and two models are weighed against each other by their
marginal likelihood, the common change integrated out: all values moved alike, or each by its own amount
(random effects, DerSimonian and Laird 1986; the odds by Kass and Raftery 1995). Before any evidence since,
the odds are even. What a pivot explores beyond the usual is shared by these odds, so that it is three tenths
in all, as the plan has it, and not three tenths of every dimension.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from replyloop_assets.learning.comparison import LOG_VARIANCE, LOG_VARIANCE_WEIGHT, Floats
from replyloop_assets.learning.lazily import pd

BEFORE_DAYS = 60  # before the drop began: what the values brought then
OWN_SD = 0.5  # of the values' own changes of log E[y], where they moved by different amounts
PARTS = ["n", "positives", "sum_log", "sum_log2"]


class Level(NamedTuple):
    """Log E[y] of each value but for a constant, and its variance: arrays (values,)."""

    mean: Floats
    variance: Floats


def doubts(daily: pd.DataFrame, last: int, since: int) -> dict[str, float]:
    """Each dimension's part of the doubt about what is best; the parts sum to 1.

    Args:
        daily: one row per `dimension`, `value` and `day` with `n`, `positives`, `sum_log` and `sum_log2` of
            one metric, in this order.
        last: the window's last day, as `daily` counts them.
        since: how many days before it the drop began.
    """
    found = {}
    for dimension, rows in daily.groupby("dimension", sort=True):
        before, after = totals(rows, last, since + 1, since + BEFORE_DAYS), totals(rows, last, 0, since)
        seen = before[0] + after[0] > 0
        if seen.sum() > 1:  # an only value is the best, whatever it brings
            found[str(dimension)] = changed_places(level(before[:, seen]), level(after[:, seen]))
    total = sum(found.values())
    return {dimension: chance / total for dimension, chance in found.items()}


def totals(rows: pd.DataFrame, last: int, youngest: int, oldest: int) -> Floats:
    """Sums over the days of these ages, shape (parts, values)."""
    age = last - rows["day"].to_numpy(int)
    is_within = (age >= youngest) & (age <= oldest)
    starts = np.flatnonzero((rows["value"] != rows["value"].shift()).to_numpy())
    of_values = zip(
        *(np.split(values, starts[1:]) for values in (is_within, rows[PARTS].to_numpy(float))), strict=True
    )
    # a value's days are added without those that do not count: noughts between them would change its bits
    return np.transpose([parts.T[:, within].sum(-1) for within, parts in of_values])


def level(sums: Floats) -> Level:
    """Log P(y > 0) + E[log y | y > 0] of each value, with half a reply of each kind added."""
    n, positives, sum_log, sum_log2 = sums
    rate = (positives + 0.5) / (n + 1)
    squares = np.maximum(sum_log2 - sum_log**2 / np.maximum(positives, 1), 0).sum()
    freedom = LOG_VARIANCE_WEIGHT + np.maximum(positives - 1, 0).sum()
    spread = (LOG_VARIANCE_WEIGHT * LOG_VARIANCE + squares) / freedom
    overall = sum_log.sum() / max(positives.sum(), 1)
    size = (sum_log + 0.5 * overall) / (positives + 0.5)
    return Level(np.log(rate) + size, (1 - rate + spread) / (positives + 0.5))


def changed_places(before: Level, since: Level) -> float:
    """The probability that the values moved by different amounts, from 0 to 1."""
    moved, noise = since.mean - before.mean, since.variance + before.variance
    evidence = restricted(moved, noise + OWN_SD**2) - restricted(moved, noise)
    return float(1 / (1 + np.exp(-np.clip(evidence, -50, 50))))


def restricted(moved: Floats, variance: Floats) -> float:
    """Log likelihood of independent Gaussians with one unknown mean, which is integrated out."""
    precision = 1 / variance
    mean = (precision * moved).sum() / precision.sum()
    fit = (precision * (moved - mean) ** 2).sum() + np.log(variance).sum() + np.log(precision.sum())
    return float(-0.5 * fit)


def widened(usual: float, most: float, doubt: Mapping[str, float], dimension: str) -> float:
    """The share of a dimension that explores in a pivot: the usual one, and its part of what is more."""
    return usual + (most - usual) * doubt.get(dimension, 1.0)

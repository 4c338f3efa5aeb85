"""Sums over windows of days, many windows at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.comparison import Floats
from replyloop_assets.learning.lazily import pd

# what the daily rollup holds of a metric that windows are summed up from
SUMS = ["reply_count", "n", "positives", "successes", "sum_log", "sum_log2", "sum_y", "sum_y2"]


def ranked(frame: pd.DataFrame, columns: Sequence[str]) -> tuple[list[tuple[str, ...]], NDArray[np.intp]]:
    """The distinct names in these columns, in order, and the place of each row's among them."""
    place = np.zeros(len(frame), int)
    names: list[tuple[str, ...]] = [()]
    for column in columns:
        codes, distinct = pd.factorize(frame[column], sort=True)
        found, place = np.unique(place * len(distinct) + codes, return_inverse=True)
        pairs = zip(*(part.tolist() for part in np.divmod(found, max(len(distinct), 1))), strict=True)
        texts = distinct.tolist()
        names = [(*names[before], texts[at]) for before, at in pairs]
    return names, place


def roll(
    day: NDArray[np.intp],
    key: NDArray[np.intp],
    values: Floats,
    keys: int,
    last: NDArray[np.intp],
    length: int,
) -> Floats:
    """The sums of each key over each window, its days added in their order: the same bits in any batch.

    Args:
        day, key: of each row, whole numbers; a key has one row a day.
        values: shape (rows, fields).
        keys: how many there are.
        last: the last day of each window, ascending.
        length: the days of a window.

    Returns:
        Shape (windows, keys, fields).
    """
    sums = np.zeros((len(last), keys, values.shape[-1]))
    order = np.argsort(day, kind="stable")
    starts = np.flatnonzero(np.diff(day[order], prepend=-1))
    for rows in np.split(order, starts[1:]) if len(order) else []:
        first, end = np.searchsorted(last, [day[rows[0]], day[rows[0]] + length])
        sums[first:end, key[rows]] += values[rows]
    return sums

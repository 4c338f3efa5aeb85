"""Sums over windows of days, many windows at once."""

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.comparison import Floats


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

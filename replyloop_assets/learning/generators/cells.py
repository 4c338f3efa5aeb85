"""What replies brought by account and generator: the sums of some windows, from those of the days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.belief.settings import Totals
from replyloop_assets.learning.comparison import Floats
from replyloop_assets.learning.lazily import pd

PAIR = " × "  # between the account and the generator in the rollup's value
SUMMED = list(Totals._fields)
FIELDS = ["replies", *SUMMED]


class Cells(NamedTuple):
    """What replies brought by window, account and generator, one entry a cell.

    `account` and `generator` are places among the names, which are in order. Of `sums`, of shape
    (fields of `FIELDS`, cells), the replies are all, and the others those of the replies that count.
    """

    accounts: Sequence[str]
    generators: Sequence[str]
    window: NDArray[np.intp]
    account: NDArray[np.intp]
    generator: NDArray[np.intp]
    sums: Floats


class Span(NamedTuple):
    """The days that tell of one window's generators, counted as the daily sums count them.

    What lies before the day `drop` counts less, a part of one.
    """

    first: int
    last: int
    drop: int | None = None


def merge_cells(pairs: pd.DataFrame, generators: pd.DataFrame, spans: Sequence[Span], kept: float) -> Cells:
    """The sums of each window by account and generator: its days added in order, whatever the batch.

    Args:
        pairs: one row per `value` 'account × generator' and `day`, with `SUMMED`.
        generators: one row per `value`, a generator, and `day` on which it wrote.
        kept: what a reply of before the drop counts, as a part of one.

    Returns:
        The cells with any day; a window is its place in `spans`.
    """
    names, cell = split_pairs(pairs, generators)
    order = np.argsort(pairs["day"].to_numpy(int), kind="stable")
    cell, day = cell[order], pairs["day"].to_numpy(int)[order]
    sums = pairs[SUMMED].to_numpy(float)[order].T

    merged = np.zeros((1 + len(FIELDS), len(spans), len(names)))  # days, and the fields
    for window, span in enumerate(spans):
        rows = slice(*np.searchsorted(day, [span.first, span.last + 1]))
        weight = 1.0 if span.drop is None else np.where(day[rows] < span.drop, kept, 1.0)
        parts = [np.ones(len(cell[rows])), sums[0][rows], *(weight * part[rows] for part in sums)]
        # bincount adds in the order of rows
        merged[:, window] = [np.bincount(cell[rows], part, len(names)) for part in parts]

    within, found = np.nonzero(merged[0])
    (account, accounts), (writer, writers) = (
        pd.factorize(np.array([pair[at] for pair in names], object), sort=True) for at in (0, 1)
    )
    return Cells(
        accounts.tolist(), writers.tolist(), within, account[found], writer[found], merged[1:, within, found]
    )


def split_pairs(
    pairs: pd.DataFrame, generators: pd.DataFrame
) -> tuple[list[tuple[str, str]], NDArray[np.intp]]:
    """All pairs of account and generator, and which of them each row is of."""
    values, place = pd.factorize(pairs["value"])[::-1]
    names: dict[tuple[str, str], int] = {}
    cells = np.zeros(len(values), int)
    for at, value in enumerate(values):
        account, _, generator = value.partition(PAIR)
        cells[at] = -1 if PAIR in generator else names.setdefault((account, generator), len(names))
    cell = cells[place]
    doubtful = np.flatnonzero(cell < 0)
    if len(doubtful):
        wrote = generators.groupby("day")["value"].agg(list).to_dict()
        found = pairs[["value", "day"]].take(doubtful).itertuples(index=False, name=None)
        pairs_found = [split(value, wrote.get(day, [])) for value, day in found]
        cell[doubtful] = [names.setdefault(pair, len(names)) for pair in pairs_found]
    return list(names), cell


def split(value: str, generators: Sequence[str]) -> tuple[str, str]:
    """The account and the generator of a value: its end is one of these, whatever the account is called."""
    ends = [name for name in generators if value.endswith(PAIR + name)]
    generator = max(ends, key=len, default=value.rpartition(PAIR)[2])
    return value[: -len(PAIR + generator)], generator

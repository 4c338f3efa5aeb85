"""What replies brought by account and generator: the sums of some windows, from those of the days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
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
        pairs: one row per `value` 'account × generator', with lists that go together: `day` and those of
            `SUMMED`.
        generators: one row per generator, its `value` and the list `day` of those on which it wrote.
        kept: what a reply of before the drop counts, as a part of one.

    Returns:
        The cells with any day; a window is its place in `spans`.
    """
    wrote = {name: set(days) for name, days in zip(generators["value"], generators["day"], strict=True)}
    names, cell = split_pairs(pairs, wrote)
    lists = np.array([list(chain.from_iterable(pairs[name])) for name in ("day", *SUMMED)], float)
    order = np.argsort(lists[0], kind="stable")
    cell, (day, *sums) = cell[order], lists[:, order]

    merged = np.zeros((1 + len(FIELDS), len(spans), len(names)))  # days, and the fields
    for window, span in enumerate(spans):
        rows = slice(*np.searchsorted(day, [span.first, span.last + 1]))
        weight = 1.0 if span.drop is None else np.where(day[rows] < span.drop, kept, 1.0)
        parts = [np.ones(len(cell[rows])), sums[0][rows], *(weight * part[rows] for part in sums)]
        # bincount adds in the order of rows
        merged[:, window] = [np.bincount(cell[rows], part, len(names)) for part in parts]

    within, found = np.nonzero(merged[0])
    (accounts, account), (writers, writer) = (ranked([pair[at] for pair in names]) for at in (0, 1))
    return Cells(accounts, writers, within, account[found], writer[found], merged[1:, within, found])


def ranked(names: Sequence[str]) -> tuple[list[str], NDArray[np.intp]]:
    """The distinct names in order, and the place of each among them."""
    distinct = sorted(set(names))
    places = {name: place for place, name in enumerate(distinct)}
    return distinct, np.array([places[name] for name in names], int)


def split_pairs(
    pairs: pd.DataFrame, wrote: Mapping[str, set[int]]
) -> tuple[list[tuple[str, str]], NDArray[np.intp]]:
    """All pairs of account and generator, and which of them each day of each row is of."""
    names: dict[tuple[str, str], int] = {}
    places, lengths = [], []
    for value, days in zip(pairs["value"], pairs["day"], strict=True):
        if value.find(PAIR) == value.rfind(PAIR):
            account, _, generator = value.partition(PAIR)
            found = [((account, generator), len(days))]
        else:
            found = [(split(value, [name for name in wrote if day in wrote[name]]), 1) for day in days]
        places += [names.setdefault(pair, len(names)) for pair, _ in found]
        lengths += [length for _, length in found]
    return list(names), np.repeat(np.array(places, int), lengths)


def split(value: str, generators: Sequence[str]) -> tuple[str, str]:
    """The account and the generator of a value: its end is one of these, whatever the account is called."""
    ends = [name for name in generators if value.endswith(PAIR + name)]
    generator = max(ends, key=len, default=value.rpartition(PAIR)[2])
    return value[: -len(PAIR + generator)], generator

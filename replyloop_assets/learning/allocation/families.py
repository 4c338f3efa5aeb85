"""The dimensions of some windows, whose values effort is shared among: what all windows are decided with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.lazily import pd


class Asked(NamedTuple):
    """What one window is decided with, beside its evidence.

    Attributes:
        last: its last day, as the daily evidence counts them.
        pivots: when each of before the as-of was opened, and closed.
        doubt: how doubtful an open pivot's change has made each dimension (`doubt.doubts`); in one that is
            not named all of the pivot's exploration is spent.
    """

    as_of: datetime
    last: int
    pivots: Sequence[tuple[datetime, datetime | None]] = ()
    doubt: Mapping[str, float] = {}

    @property
    def pivot_ages(self) -> list[int]:
        """How many days before the window's last day each pivot was opened."""
        last_day = (self.as_of - timedelta(microseconds=1)).date()
        return [(last_day - opened.astimezone(UTC).date()).days for opened, _ in self.pivots]

    @property
    def is_in_pivot(self) -> bool:
        """Whether a pivot asks for its exploration share at the as-of."""
        return any(in_pivot(opened, closed, self.as_of) for opened, closed in self.pivots)


def in_pivot(opened: datetime, closed: datetime | None, as_of: datetime) -> bool:
    """Whether a pivot asks for its exploration share at the as-of: while it is open."""
    return opened < as_of and (closed is None or closed >= as_of)


class Family(NamedTuple):
    """The values of one dimension in one window: `arms` rows of the evidence from `first` on."""

    window: int
    dimension: str
    first: int
    arms: int

    @property
    def rows(self) -> slice:
        """Where they stand."""
        return slice(self.first, self.first + self.arms)


def families_of(evidence: pd.DataFrame) -> list[Family]:
    """The families of rows that have `window` and `dimension`, each in one piece."""
    keys = zip(evidence["window"].tolist(), evidence["dimension"].tolist(), strict=True)
    families: list[Family] = []
    for (window, dimension), rows in groupby(keys):
        first = families[-1].rows.stop if families else 0
        families.append(Family(window, dimension, first, sum(1 for _ in rows)))
    return families


def of_one_size(families: Sequence[Family]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """The families by their number of arms: their places, and the rows of each, shape (families, arms)."""
    arms = np.array([family.arms for family in families], int)
    first = np.array([family.first for family in families], int)
    for size in np.unique(arms):
        places = np.flatnonzero(arms == size)
        yield places, first[places, None] + np.arange(size)

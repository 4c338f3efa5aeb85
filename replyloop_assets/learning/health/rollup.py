"""What replies brought day by day, of all and of each value of a dimension, and which metric is watched."""

from collections.abc import Container
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.comparison import Flags, Floats, Moments
from replyloop_assets.learning.dimensions import ALL

Places = NDArray[np.intp]
Watched = Literal["followers", "visits"]  # for a drop: the latter where hardly any reply brings a follower

MEASURED = 0.5  # of the replies, below which a metric cannot stand for them


@dataclass(frozen=True)
class Rollup:
    """What every value brought by one metric, shape (values, days); of all replies, always among them.

    `held` is whether any reply of the day had the value, `positives` how many of these brought something.
    `plain` are the moments of what they brought, y, and `logs` those of log(1 + y).
    """

    dimension: list[str]
    value: list[str]
    held: Flags
    positives: Floats
    plain: Moments
    logs: Moments

    @property
    def of_all(self) -> int:
        """The place of all replies."""
        return self.dimension.index(ALL)

    def places(self, dimensions: Container[str]) -> Places:
        """The places of these dimensions' values."""
        return np.flatnonzero([name in dimensions for name in self.dimension])


def windows_of(part: Floats, firsts: Places, length: int) -> Floats:
    """The windows of so many days that begin at these: shape (..., days) becomes (..., windows, length).

    One is a copy that lies the same whichever others there are, so that its sums are the same bits.
    """
    return np.ascontiguousarray(part[..., firsts[:, None] + np.arange(length)])


def moments_within(moments: Moments, firsts: Places, length: int) -> Moments:
    """The same of moments."""
    return Moments(*(windows_of(part, firsts, length) for part in moments))


def are_sparse(followers: Rollup, firsts: Places, days: int, sparse_positives: float) -> Flags:
    """Whether less than this part of the replies brings any follower, in each window of so many days."""
    positives, n = (
        windows_of(part[followers.of_all], firsts, days).sum(-1)
        for part in (followers.positives, followers.plain.n)
    )
    sparse: Flags = positives < sparse_positives * n
    return sparse


def are_measured(followers: Rollup, visits: Rollup, firsts: Places, days: int, lately: int) -> Flags:
    """Whether visits are there for most replies of each window, of old and of so many days of late.

    Else what is not measured looks like calm.
    """
    seen, of = (windows_of(one.plain.n[one.of_all], firsts, days) for one in (visits, followers))
    measured: Flags = seen.sum(-1) > 0
    for since in (0, days - lately):
        measured &= seen[:, since:].sum(-1) >= MEASURED * of[:, since:].sum(-1)
    return measured

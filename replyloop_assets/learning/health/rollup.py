"""What replies brought day by day, of all of them and of each value of a dimension, cut into windows."""

from collections.abc import Container
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.comparison import Flags, Floats, Moments
from replyloop_assets.learning.dimensions import ALL

Places = NDArray[np.intp]


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

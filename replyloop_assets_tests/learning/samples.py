"""Raw outcomes, and the sufficient statistics the rules read instead of them."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from replyloop_assets.learning.comparison import Floats, Moments

# followers per reply: mostly none, sometimes many
followers = st.integers(0, 12) | st.integers(0, 5_000)


def moments_of(values: Sequence[float] | Floats) -> Moments:
    """Count, sum and sum of squares of one group."""
    values = np.asarray(values, float)
    return Moments(np.array(float(values.size)), values.sum(), (values**2).sum())


def moments_with(n: float, total: float, variance: float) -> Moments:
    """The statistics of a group of this size, sum and sample variance."""
    return Moments(*np.array([n, total, total**2 / n + variance * (n - 1)]))


def stacked(groups: Sequence[Moments]) -> Moments:
    """Several groups along a new first axis."""
    return Moments(*(np.array(part) for part in zip(*groups, strict=True)))


def skewed_followers(rng: np.random.Generator, mean: float, size: int) -> Floats:
    """Counts of which most are 0 and few are large, as real ones are."""
    return np.where(rng.random(size) < 0.4, np.round(rng.exponential(mean / 0.4, size)), 0)

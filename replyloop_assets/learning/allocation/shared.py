"""What a rule of allocation gives each value, and what it went by."""

from typing import NamedTuple

import numpy as np

from replyloop_assets.learning.comparison import Floats


class Shared(NamedTuple):
    """One entry a value, of all dimensions: NaN where the rule knows no such figure."""

    percent: Floats  # sums to 100 in a dimension
    draw: Floats
    p_best: Floats
    expected_value: Floats

    @classmethod
    def of(cls, values: int) -> "Shared":
        """Nothing shared out yet."""
        return cls(np.zeros(values), *(np.full(values, np.nan) for _ in range(3)))

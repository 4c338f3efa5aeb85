"""An experiment to come: what replies bring, how many there will be, and how they are split."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import log, sqrt

import numpy as np

from replyloop_assets.learning.comparison import LOG_VARIANCE, Floats, Moments

MOST_LIFT = 20.0  # +2000%: beyond it, nothing is found
LIKELIEST = 0.95  # a reply that brings any


@dataclass(frozen=True)
class Design:
    """An experiment to come: replies a day, the treatment's share of them, and its longest duration."""

    per_day: float
    share: float
    days: int

    @property
    def sizes(self) -> tuple[float, float]:
        """How many replies the control and the treatment will have had in the end."""
        return self.per_day * self.days * (1 - self.share), self.per_day * self.days * self.share


@dataclass(frozen=True)
class Outcomes:
    """What replies bring: the chance of any, and mean and variance of the log of how many."""

    positive: float
    log_mean: float
    log_variance: float

    @classmethod
    def of(cls, n: float, positive: Moments) -> "Outcomes":
        """As they were lately: of `n` replies, with the moments of log y over y > 0, at least one."""
        variance = float(positive.variance) if positive.n > 2 else LOG_VARIANCE
        return cls(float(positive.n) / n, float(positive.mean), variance)

    def lifted(self, lift: float) -> "Outcomes":
        """A lift spread evenly over how often and how many, on the log scale."""
        positive = max(self.positive, min(self.positive * sqrt(1 + lift), LIKELIEST))
        return replace(
            self, positive=positive, log_mean=self.log_mean + log((1 + lift) * self.positive / positive)
        )

    def moments(self, of: Callable[[Floats], Floats] = np.log1p) -> tuple[float, float]:
        """Mean and variance of `of(y)`, 0 at 0, by Gauss-Hermite quadrature over the sizes."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(40)
        sizes = np.maximum(np.exp(self.log_mean + sqrt(self.log_variance) * nodes), 1)
        weights = weights / weights.sum()
        first, second = (self.positive * float(weights @ of(sizes) ** power) for power in (1, 2))
        return first, second - first**2


TYPICAL = Outcomes(positive=0.4, log_mean=1.68, log_variance=1.69)  # 5 followers a reply

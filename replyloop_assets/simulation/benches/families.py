"""Families of arms whose means are known, and what a window of replies to them brings, summed up by arm.

Followers are a hurdle and a rounded log-normal size; the denser metrics are counts about each arm's mean:
visits negative binomial (as scattered as an exponential), engagement Poisson, impressions negative binomial
(a third of that). How often an arm is replied to is as uneven as accounts are (Zipf), at least once.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.belief.settings import Totals
from replyloop_assets.simulation.benches.replicate import Floats
from replyloop_assets.simulation.outcomes import draw_followers

SIZE, SPARSE_SIZE = 12.5, 2.5  # mean of a size; where hardly any reply brings one, it brings few
SPARSE_ZEROS = 0.9
HITS_WITHIN = (0.002, 0.95)
HITS_SPREAD = 0.15  # of rates that disagree with means
TAILS = (1.0, 1.3, 1.6)  # log SDs of sizes where arms' tails differ
MEANS = {"visits": 2.0, "engagement": 2.0, "impressions": 300.0}
SHAPES = {"visits": 1.0, "engagement": np.inf, "impressions": 3.0}  # of the gamma around a Poisson's mean


@dataclass(frozen=True)
class Family:
    """`arms` with log means spread by `spread`, answered `replies` times in all.

    `zeros`, `sigma` (log SD of sizes), `tails` (they differ) and `disagree` (where arms bring more, hits are
    rarer) are of followers; the other metrics have their zeros by their law.
    """

    arms: int
    replies: int
    spread: float
    metric: str
    zeros: float
    sigma: float
    tails: bool
    disagree: bool

    def draw(self, reps: int, rng: np.random.Generator) -> tuple[Floats, Totals]:
        """The true mean of each arm, (reps, arms), and the sums over its replies."""
        shape = (reps, self.arms)
        often = 1 / np.arange(1, self.arms + 1)
        often = rng.permuted(np.broadcast_to(often / often.sum(), shape), axis=-1)
        n = np.maximum(1, rng.multinomial(self.replies, often))
        of = np.repeat(np.arange(n.size), n.ravel())
        level = rng.normal(0, self.spread, shape)
        if self.metric in MEANS:
            mean = MEANS[self.metric] * np.exp(level)
            y = self.draw_counts(mean.ravel()[of], rng)
        else:
            mean, hits, sigma = self.followers(level, rng)
            y = draw_followers(mean.ravel()[of], hits.ravel()[of], sigma.ravel()[of], rng)
        return mean, summed(y, of, shape)

    def draw_counts(self, mean: Floats, rng: np.random.Generator) -> Floats:
        """Counts about these means, as floats."""
        shape = SHAPES[self.metric]
        rate = mean if np.isinf(shape) else rng.gamma(shape, mean / shape)
        return rng.poisson(rate).astype(float)

    def followers(self, level: Floats, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        """Mean, chance of any, and log SD of sizes of each arm."""
        hits = 1 - self.zeros
        mean = hits * (SPARSE_SIZE if self.zeros > SPARSE_ZEROS else SIZE) * np.exp(level)
        tilt = (
            np.exp(-level / 2 + rng.normal(0, HITS_SPREAD, level.shape))
            if self.disagree
            else np.exp(level / 2)
        )
        sigma = rng.choice(TAILS, level.shape) if self.tails else np.full(level.shape, self.sigma)
        return mean, np.clip(hits * tilt, *HITS_WITHIN), sigma


def summed(y: Floats, of: NDArray[np.intp], shape: tuple[int, int]) -> Totals:
    """The sums over replies y by the arm that each is `of`, an index into the flat `shape`."""
    log = np.log(np.maximum(y, 1))
    parts = (np.ones(y.shape), y > 0, log, log**2, y, y**2)
    count = shape[0] * shape[1]
    return Totals(*(np.bincount(of, part, count).reshape(shape).astype(float) for part in parts))

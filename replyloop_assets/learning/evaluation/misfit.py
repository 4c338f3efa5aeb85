"""What the replies say beyond the model: the second robustness of a doubly robust estimate.

Of each reply, what it brought less what the model foretold, weighed by how much likelier the policy was to
choose its arm. The model of a reply is learned without it: from the other half of the log's blocks
(cross-fitting; Chernozhukov et al. 2018). The sum is believed as far as it is more than noise (the weights
shrunk, as Su, Dimakopoulou, Krishnamurthy and Dudik 2020 do): how wrong a model may be is weighed over a few
sizes by their likelihood.
"""

from typing import NamedTuple

import numpy as np

from replyloop_assets.learning.comparison import Floats, ratio
from replyloop_assets.learning.evaluation.replies import Replies, relative_variance

SIZES = np.array([0.0, 0.05, 0.15, 0.4])  # by what part of its worth the model may be wrong
ODDS = np.array([0.5, 0.3, 0.15, 0.05])  # of each beforehand
LEAST, MOST = 0.2, 4.0  # what it may come to


class LeftOver(NamedTuple):
    """By what the model's worth is to be multiplied, its relative variance, and that of one reply: (...)."""

    factor: Floats
    variance: Floats
    noise: Floats


def halves(log: Replies) -> list[Floats]:
    """Which replies each half of the log holds, 1 or 0 of shape (replies,)."""
    return [(log.block % 2 == one) * 1.0 for one in (0, 1)]


def left_over(log: Replies, y: Floats, wanted: Floats, in_time: Floats, log_means: Floats) -> LeftOver:
    """What the log's replies add to the model's worth of a policy.

    Args:
        y: what each reply brought, capped: the largest tell of nothing but luck.
        wanted: the policy's probabilities, shape (..., replies, arms).
        in_time: what drift has added to it already, as a part of it, shape (...).
        log_means: what is believed of the arms by all of `y` and by each of the `halves`, (3, ..., arms).
    """
    replies = y.shape[-1]
    mean, *of_halves = log_means
    foretold = np.zeros(y.shape)
    for others, half in zip(of_halves, halves(log)[::-1], strict=True):
        foretold = np.where(half > 0, log.at_chosen(np.exp(others)[..., None, :]), foretold)
    worth = (wanted.mean(-2) * np.exp(mean)).sum(-1)
    had = log.at_chosen(log.offered)
    weight = ratio(log.at_chosen(wanted), had, had > 0)
    found = (weight * (y - foretold)).mean(-1) / worth - in_time

    noise = relative_variance(log.totals(y))
    scatter = np.divide(wanted**2, log.offered, out=np.zeros(wanted.shape), where=log.offered > 0)
    error = noise * (scatter.sum(-2) * np.exp(2 * mean)).sum(-1) / (replies * worth) ** 2
    spread = SIZES**2 + error[..., None]
    likely = np.log(ODDS) - 0.5 * (np.log(spread) + found[..., None] ** 2 / spread)
    odds = np.exp(likely - likely.max(-1, keepdims=True))
    odds /= odds.sum(-1, keepdims=True)
    kept = SIZES**2 / spread
    each = kept * found[..., None]
    believed = (odds * each).sum(-1)
    variance = (odds * (kept * error[..., None] + (each - believed[..., None]) ** 2)).sum(-1)
    return LeftOver(np.clip(1 + believed, LEAST, MOST), variance, noise)

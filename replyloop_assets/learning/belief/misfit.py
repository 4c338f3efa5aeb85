"""Sizes of another law: what the family's plain mean of the positives says beyond the log-normal.

Two estimates of one mean, the law's from the logs and the plain one: their difference has the difference of
their variances as its noise, as the law's is efficient (Hausman 1978). It is shrunk to 0 by how far real
laws lie off.
"""

from typing import NamedTuple

import numpy as np

from replyloop_assets.learning.belief.law import Size
from replyloop_assets.learning.belief.settings import BeliefSettings, Totals
from replyloop_assets.learning.belief.sizes import MOST_LOG_CV2, SLOPES
from replyloop_assets.learning.belief.tails import Tails
from replyloop_assets.learning.comparison import Floats

LEAST_SPARE = 0.05  # of the plain mean's variance, what the law leaves of it at least
NO_TAIL = 0.7  # log E[y] - E[log y] where nothing was positive yet, and the variance of its estimate
NO_TAIL_VARIANCE = 0.25


class Misfit(NamedTuple):
    """Of log E[y]."""

    correction: Floats  # (..., arms)
    left: Floats  # variance of what remains of it, (..., arms)
    law_variance: Floats  # of what the law says, by the noise of the log variance, (..., 1)


def find_misfit(
    totals: Totals, at: Size, mean_log: Floats, variance: Floats, cv2: Floats, tails: Tails,
    settings: BeliefSettings,
) -> Misfit:  # fmt: skip
    """What the positives of a family bring beyond the law.

    Args:
        at: the law at each arm's believed E[log y] and Var[log y].
        mean_log: the former, with `variance`, the latter.
        cv2: the family's own CV^2 of the positives, cautiously.
    """
    hits = totals.positives.sum(-1, keepdims=True)
    share = totals.positives / np.maximum(hits, 1)

    def over_hits(values: Floats) -> Floats:
        return np.asarray((share * values).sum(-1, keepdims=True))

    # log sizes cut off at 0 have a kurtosis above the normal's, the more the smaller they are
    law_variance = over_hits(at.by_variance) ** 2 * (2 + 2 * np.exp(-tails.centre)) / tails.freedom
    by_log = np.clip(at.by_mean, *SLOPES) ** 2 * variance
    plain = np.minimum(np.exp(np.minimum(at.log_cv2, MOST_LOG_CV2)), np.maximum(cv2, by_log / 2))
    spare = np.maximum(plain - by_log - 2 * at.by_variance**2, LEAST_SPARE * plain)
    noise = np.log1p(over_hits(spare) / np.maximum(hits, 1))
    expected = (totals.positives * np.exp(at.log_mean)).sum(-1, keepdims=True)
    brought = totals.sum_y.sum(-1, keepdims=True)
    ratio = np.log(np.maximum(brought, 1e-9) / np.maximum(expected, 1e-9)) + noise / 2

    # the longer an arm's tail, the more of the misfit is its own
    tail = (at.log_mean - mean_log) * tails.ratio
    weight = totals.positives * np.exp(at.log_mean) / np.maximum(expected, 1e-9)
    usual = (settings.misfit * (weight * tail).sum(-1, keepdims=True)) ** 2 + 1e-6
    trust = np.where(hits > 1, usual / (usual + noise), 0)
    relative = settings.misfit * np.where(hits > 0, tail, NO_TAIL) / np.sqrt(usual)
    return Misfit(
        relative * trust * np.where(hits > 1, ratio, 0),
        relative**2 * usual * (1 - trust),
        np.where(hits > 0, law_variance, NO_TAIL_VARIANCE),
    )

"""What the replies of each arm say of a = logit P(y > 0): a Gaussian around the likeliest a.

A count of hits is binomial; around the posterior mode its log likelihood is fit + score a - precision a^2 / 2
(working logits: Breslow and Clayton 1993). An arm that lies out is seen differently than one that is
drawn to the others, so each component of the prior has an expansion of its own.
"""

from typing import NamedTuple

import numpy as np

from replyloop_assets.learning.belief.settings import BeliefSettings
from replyloop_assets.learning.comparison import Floats

ROUNDS = 5
FARTHEST = 9.0  # a logit: all or none positive has no end otherwise
VARIANCE, VARIANCE_WEIGHT = 0.1, 3.0  # of a over arms, where the expansions begin, and its weight in arms


class Seen(NamedTuple):
    """The expansion of each arm, for each component of the prior: arrays (..., components, arms)."""

    precision: Floats
    score: Floats
    fit: Floats


def wider(variance: Floats, settings: BeliefSettings) -> Floats:
    """The variance over arms of both components, usual arms and outliers, on a new axis before the last."""
    outlying = settings.outlier_scale**2 * variance + settings.outlier_sd**2
    return np.stack([variance, outlying], -2)


def shares(settings: BeliefSettings) -> Floats:
    """The log prior share of both components: shape (components, 1)."""
    return np.log([[1 - settings.outliers], [settings.outliers]])


def sigmoid(logit: Floats) -> Floats:
    """P from its logit."""
    return np.asarray(1 / (1 + np.exp(-logit)))


def see_rates(n: Floats, positives: Floats, settings: BeliefSettings) -> Seen:
    """The expansions of n replies with `positives` hits, arrays (..., arms)."""
    share = (positives.sum(-1, keepdims=True) + 0.3) / (n.sum(-1, keepdims=True) + 1)
    # each begins near its own, lest Newton's step overshoot
    logit = np.log((positives + 2 * share) / (n - positives + 2 * (1 - share)))
    n, k, a = n[..., None, :], positives[..., None, :], np.stack([logit, logit], -2)
    answered = n > 0
    centre_precision = settings.rate_centre_sd**-2
    variance = np.full(share.shape, VARIANCE)
    mine = np.broadcast_to(np.exp(shares(settings)), a.shape)  # P(component) of each arm
    for turn in range(ROUNDS):
        rate = sigmoid(a)
        precision = n * rate * (1 - rate)
        score = precision * a + k - n * rate
        if turn == ROUNDS - 1:
            break
        spread = wider(variance, settings)
        kept = 1 / (1 + precision * spread)
        pull = (mine * score * kept).sum((-1, -2)) + settings.rate_centre * centre_precision
        known = (mine * precision * kept).sum((-1, -2)) + centre_precision
        centre = (pull / known)[..., None, None]
        a = np.clip(kept * (centre + spread * score), -FARTHEST, FARTHEST)
        likely = shares(settings) + log_likelihood(n, k, a) - (a - centre) ** 2 / (2 * spread)
        likely += np.log(kept) / 2
        mine = np.exp(likely - likely.max(-2, keepdims=True))
        mine = mine / mine.sum(-2, keepdims=True)
        usual = (mine * answered)[..., 0, :]
        off = (a - centre)[..., 0, :] ** 2 + (spread * kept)[..., 0, :]
        variance = VARIANCE_WEIGHT * VARIANCE + (usual * off).sum(-1, keepdims=True)
        variance = variance / (VARIANCE_WEIGHT + usual.sum(-1, keepdims=True))
    return Seen(precision, score, log_likelihood(n, k, a) - score * a + precision * a**2 / 2)


def log_likelihood(n: Floats, positives: Floats, logit: Floats) -> Floats:
    """Of so many hits, up to what does not depend on the rate."""
    return np.asarray(positives * logit - n * np.logaddexp(0, logit))

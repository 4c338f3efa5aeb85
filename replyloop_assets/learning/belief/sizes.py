"""What the replies of each arm say of b = E[log y | y > 0]: a Gaussian, in information form.

The mean of log y tells it with variance s2 / k. Where sizes scatter less than the law says (visits, likes,
impressions: Poisson, negative binomial), the plain mean knows more: the two are combined by least variance.
"""

from typing import NamedTuple

import numpy as np

from replyloop_assets.learning.belief import law
from replyloop_assets.learning.belief.settings import Totals
from replyloop_assets.learning.belief.tails import Tails
from replyloop_assets.learning.comparison import Floats

LAW_WEIGHT = 8.0  # of the law's CV, in replies
MOST_AGREE = 0.93  # correlation of y and log y, at most
LEAST_HITS = 5  # of an arm whose plain mean may lead
SLOPES = (0.9, 1.8)  # of log E[y] in b
MOST_LOG_CV2 = 4.5


class Sizes(NamedTuple):
    """Precision and score of b, (..., arms); the CV^2 of y, cautiously, (..., 1)."""

    precision: Floats
    score: Floats
    cv2: Floats


def see_sizes(totals: Totals, tails: Tails) -> Sizes:
    """What the sums say of b of each arm."""
    k, mean_log = totals.positives, totals.sum_log / np.maximum(totals.positives, 1)
    hits = np.maximum(k, 1)
    variance = law.log_variance(mean_log, tails.sigma)
    own, usual = law.size(mean_log, variance * tails.ratio), law.size(mean_log, variance)
    at_centre = law.size(tails.centre, tails.common)
    slope = np.clip(own.by_mean, *SLOPES)
    mean = np.maximum(totals.sum_y / hits, 1e-9)
    # an arm of two hits has no CV of its own
    all_mean = totals.sum_y.sum(-1, keepdims=True) / np.maximum(k.sum(-1, keepdims=True), 1)
    around = np.maximum((totals.sum_y + 5 * all_mean) / (k + 5), 1e-9)
    squares = np.maximum(totals.sum_y2 - totals.sum_y * mean, 0) / around**2
    freedom = np.maximum(k - 1, 0).sum(-1, keepdims=True)
    by_law = LAW_WEIGHT * np.exp(np.minimum(at_centre.log_cv2, MOST_LOG_CV2))
    cv2 = (by_law + squares.sum(-1, keepdims=True)) / (LAW_WEIGHT + freedom)
    # of few hits a CV looks too small
    cautious = cv2 * np.exp(1.2 * np.sqrt(8 / (8 + freedom)))

    scale = np.clip(at_centre.by_mean, *SLOPES) ** 2
    together = agreement(scale * tails.common, cautious)
    lead = (scale * tails.common - together) / np.maximum(
        scale * tails.common + cautious - 2 * together, 1e-9
    )
    lead = np.where(k >= LEAST_HITS, np.clip(lead, 0, 1), 0)
    by_log = slope**2 * tails.expected * tails.ratio
    size = (1 - lead) * own.log_mean + lead * (np.log(mean) + np.log1p(cv2 / hits) / 2)
    noise = (1 - lead) ** 2 * by_log + lead**2 * cautious
    noise += 2 * lead * (1 - lead) * agreement(by_log, cautious)
    noise = np.maximum(noise, 1e-9) + k * ((1 - lead) * own.by_variance) ** 2 * tails.doubt
    precision = k * slope**2 / noise
    return Sizes(precision, precision * (mean_log + (size - usual.log_mean) / slope), cautious)


def agreement(by_log: Floats, by_mean: Floats) -> Floats:
    """The covariance of the two estimates of log E[y], from the variances of each."""
    return np.asarray(np.minimum(by_log, MOST_AGREE * np.sqrt(by_log * by_mean)))

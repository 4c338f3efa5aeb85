"""How widely log sizes scatter within an arm: a common variance, and each arm's own where tails differ."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.belief import law
from replyloop_assets.learning.belief.settings import BeliefSettings, Totals
from replyloop_assets.learning.comparison import Floats

SPREADS = np.array([0.0, 0.15, 0.3, 0.45, 0.65])  # SD over arms of their log variance's logarithm
ODDS = np.array([0.80, 0.05, 0.06, 0.05, 0.04])  # mostly they do not differ at all
LEAST_FREEDOM = 4  # of an arm that has a variance of its own


class Tails(NamedTuple):
    """Variances of log y where y > 0."""

    centre: Floats  # E[log y] over all arms, (..., 1)
    common: Floats  # the arms' variance there, (..., 1)
    freedom: Floats  # behind it, (..., 1)
    sigma: Floats  # the latent SD that this means, (..., 1)
    expected: Floats  # the variance about where each arm's mean lies, (..., arms)
    ratio: Floats  # of each arm's own to the expected, (..., arms)
    doubt: Floats  # variance of the logarithm of this ratio, (..., arms)


def scatter(totals: Totals, settings: BeliefSettings) -> Tails:
    """By what lies within arms; where few repeat, the scatter around the common mean tells of it."""
    k, log, log2 = totals.positives, totals.sum_log, totals.sum_log2
    all_k = k.sum(-1, keepdims=True)
    within = np.maximum(log2 - log**2 / np.maximum(k, 1), 0)
    freedom = np.maximum(k - 1, 0)
    all_freedom = freedom.sum(-1, keepdims=True)
    all_log = log.sum(-1, keepdims=True)
    around = np.maximum(log2.sum(-1, keepdims=True) - all_log**2 / np.maximum(all_k, 1), 0)
    centre = (all_log + 3 * settings.size_centre) / (all_k + 3)
    weight = settings.sigma_weight
    usual = weight * law.log_variance(centre, settings.sigma) + around
    usual = usual / (weight + np.maximum(all_k - 1, 0))
    common = (weight * usual + within.sum(-1, keepdims=True)) / (weight + all_freedom)
    common = np.minimum(common, law.log_variance(centre, law.SIGMA_MOST))

    # an arm's variance goes with its mean, as small sizes are cut off; its mean is drawn to the others'
    sigma = law.size(centre, common).sigma
    likely = (log + 10 * centre) / (k + 10)
    expected = law.log_variance(likely, sigma)
    of_one = np.maximum(freedom, 1)
    ratio = np.log(np.clip(within / of_one / expected, 0.02, 50))
    # the log of a chi-squared mean: biased by -1/d, its variance 2/d; some more, as sizes are rounded
    ratio = ratio + 1 / of_one + 1 / (3 * of_one**2)
    noise = (2.6 / of_one + 2 / of_one**2) * (1 + 2 * np.exp(-2 * likely))
    effect, doubt = effects(ratio, noise, freedom >= LEAST_FREEDOM)
    # a prior's own doubt counts double
    return Tails(centre, common, weight / 2 + all_freedom, sigma, expected, np.exp(effect), doubt)


def effects(seen: Floats, noise: Floats, counts: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Posterior mean and variance of d ~ N(0, spread^2), seen with `noise`, over SPREADS; (..., arms)."""
    variance = SPREADS[:, None] ** 2
    total = noise[..., None, :] + variance
    counts, seen = counts[..., None, :], seen[..., None, :]
    fit = np.where(counts, -0.5 * (np.log(total) + seen**2 / total), 0).sum(-1) + np.log(ODDS)
    weight = np.exp(fit - fit.max(-1, keepdims=True))
    weight = (weight / weight.sum(-1, keepdims=True))[..., None]
    kept = np.where(counts, variance / total, 0)
    each = kept * seen
    mean = (weight * each).sum(-2)
    return mean, (weight * (variance * (1 - kept) + (each - mean[..., None, :]) ** 2)).sum(-2)

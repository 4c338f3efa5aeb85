"""What is known of each arm's replies, and what is believed of their mean by it: a hurdle on the log scale.

Per arm two parts: a = logit P(y > 0), and b = mean of log y where y > 0, each in information form
(precision J and score h of what was observed) in several filters side by side. Around the arms of a
dimension lies a Gaussian prior over (a, b). Where the arms' tails differ, so do their log variances;
whether they do is weighed by its likelihood. How a day changes what is known stands in `hurdle`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.belief import law
from replyloop_assets.learning.comparison import Floats

DRIFTS = np.array([0.0, 0.0005, 0.0025, 0.0])[:, None]  # variance a day of each filter; the last begins anew
CHANGE_ODDS = 0.02  # of a change, before any evidence
SIGMA, LOG_VARIANCE_WEIGHT = 1.3, 20.0  # latent SD of log y within an arm, and its weight in replies
LEAST_VARIANCE = 0.1  # of log y, where all sizes are small
TAIL_VARIANCE, TAIL_ODDS = 0.15, 0.25  # of an arm's log log-variance where tails differ; odds that they do

SHARPENED = 0.95  # deviations: the room left for drift is seldom needed (calibrated by simulation)


class Prior(NamedTuple):
    """Of (a, b) over arms, before they tell: the variance of either, and their correlation."""

    variance: float
    correlation: float


USUAL = Prior(0.05, 0.0)
# visits are dense and small: arms differ much, and one that is visited more often is by more
VISITED = Prior(0.5, 0.7)


class State(NamedTuple):
    """What was learned up to a day. F filters; `known` are the arms that are, the others are padding."""

    known: NDArray[np.bool_]  # (..., arms)
    prior: Prior
    begun: NDArray[np.bool_]  # (...), whether anything was observed yet
    rate_precision: Floats  # (..., F, arms), of a, as all four
    rate_score: Floats
    size_precision: Floats
    size_score: Floats
    centre: Floats  # (..., F, 2), the prior mean of (a, b)
    covariance: Floats  # (..., F, 3), the prior's var a, var b, cov
    evidence: Floats  # (..., F - 1), log likelihoods
    change: Floats  # (...), log likelihood ratio of a change
    anew_days: Floats  # (...), since the filter that begins anew did so
    steady_days: Floats  # (...), since a change was certain, or the beginning
    squares: Floats  # (..., arms), of log y around what was expected
    hits: Floats  # (..., arms), behind `squares`


class Parts(NamedTuple):
    """Posterior of (a, b) of each filter and arm, shape (..., F, arms)."""

    a: Floats
    b: Floats
    var_a: Floats
    var_b: Floats
    cov: Floats


class Beliefs(NamedTuple):
    """What is believed of log E[y]: arrays (..., arms)."""

    mean: Floats
    deviation: Floats


def fresh(known: NDArray[np.bool_], prior: Prior = USUAL) -> State:
    """Nothing observed yet; `known` has shape (..., arms)."""
    *lead, arms = known.shape
    filters = len(DRIFTS)
    nothing = np.zeros((*lead, filters, arms))
    return State(
        known,
        prior,
        np.zeros(lead, bool),
        *(nothing,) * 4,
        centre=np.zeros((*lead, filters, 2)),
        covariance=np.broadcast_to(covariance_of(prior), (*lead, filters, 3)),
        evidence=np.zeros((*lead, filters - 1)),
        change=np.zeros(lead),
        anew_days=np.zeros(lead),
        steady_days=np.zeros(lead),
        squares=np.zeros(known.shape),
        hits=np.zeros(known.shape),
    )


def covariance_of(prior: Prior) -> Floats:
    """Var a, var b and cov."""
    return prior.variance * np.array([1, 1, prior.correlation])


def posterior(state: State) -> Parts:
    """The prior and the observations together, a 2 x 2 system per filter and arm."""
    prior_a, prior_b, prior_ab = (state.covariance[..., None, part] for part in range(3))
    determinant = prior_a * prior_b - prior_ab**2
    own_a, own_b, own_ab = prior_b / determinant, prior_a / determinant, -prior_ab / determinant
    centre_a, centre_b = state.centre[..., None, 0], state.centre[..., None, 1]
    precision_a, precision_b = own_a + state.rate_precision, own_b + state.size_precision
    determinant = precision_a * precision_b - own_ab**2
    var_a, var_b, cov = precision_b / determinant, precision_a / determinant, -own_ab / determinant
    score_a = own_a * centre_a + own_ab * centre_b + state.rate_score
    score_b = own_ab * centre_a + own_b * centre_b + state.size_score
    return Parts(var_a * score_a + cov * score_b, cov * score_a + var_b * score_b, var_a, var_b, cov)


def weights(state: State) -> Floats:
    """The probability of each filter, shape (..., F)."""
    likely = np.exp(state.evidence - state.evidence.max(-1, keepdims=True))
    odds = CHANGE_ODDS * np.exp(state.change)[..., None]
    steady = likely / likely.sum(-1, keepdims=True) / (1 + odds)
    return np.concatenate([steady, odds / (1 + odds)], -1)


def log_variance(state: State) -> Floats:
    """The arms' common variance of log y where y > 0, shape (...); before any hit that of a usual size."""
    centre = (weights(state) * state.centre[..., 1]).sum(-1)
    usual = np.maximum(law.log_variance(centre, SIGMA), LEAST_VARIANCE)
    return np.asarray(
        (LOG_VARIANCE_WEIGHT * usual + state.squares.sum(-1)) / (LOG_VARIANCE_WEIGHT + state.hits.sum(-1))
    )


def tails(state: State, b: Floats) -> tuple[Floats, Floats]:
    """What lies between log E[y] and E[log y] of each arm, y > 0, and its variance; `b` is the latter.

    The law of rounded log-normal sizes at the arms' centre. Arms with one common tail, or with log variances
    spread by `TAIL_VARIANCE`: their likelihoods decide.
    """
    counted = np.where(state.known, state.hits + 1e-9, 0)
    centre = (counted * b).sum(-1, keepdims=True) / counted.sum(-1, keepdims=True)
    common = log_variance(state)[..., None]
    seen = state.hits >= 1
    hits = np.maximum(state.hits, 1)
    noise = 2 / hits
    squares = np.maximum(state.squares, 0.05 * hits * common)
    log_ratio = np.where(seen, np.log(squares / hits / common) + 1 / hits, 0)
    wider = noise + TAIL_VARIANCE
    fit = 0.5 * (np.log(noise / wider) + log_ratio**2 * (1 / noise - 1 / wider))
    odds = TAIL_ODDS * np.exp(np.clip(np.where(seen, fit, 0).sum(-1, keepdims=True), -50, 50))
    differ = odds / (1 + odds)
    shrunk = np.where(seen, TAIL_VARIANCE / wider, 0)
    at, own = law.size(centre, common), law.size(centre, common * np.exp(shrunk * log_ratio))
    more = own.log_mean - at.log_mean
    left = TAIL_VARIANCE * (1 - shrunk)
    variance = differ * own.by_variance**2 * left + differ * (1 - differ) * more**2
    return at.log_mean - centre + differ * more, variance


def believe(state: State) -> Beliefs:
    """Log E[y] = log P(y > 0) + b + tail of each arm; the filters' mixture by its two moments."""
    parts = posterior(state)
    rate = 1 / (1 + np.exp(-parts.a))
    slope = 1 - rate  # of log P(y > 0) in a
    mean = np.log(rate) + parts.b
    variance = slope**2 * parts.var_a + 2 * slope * parts.cov + parts.var_b
    weight = weights(state)[..., None]
    tail, tail_variance = tails(state, (weight * parts.b).sum(-2))
    mixed = (weight * mean).sum(-2)
    spread = (weight * (variance + (mean - mixed[..., None, :]) ** 2)).sum(-2)
    return Beliefs(mixed + tail, SHARPENED * np.sqrt(spread + tail_variance))

"""What a reply of each arm brings, from sums alone: a hierarchical hurdle with outliers.

log E[y] = log P(y > 0) + b + what lies between log E[y] and E[log y] of the positives (`law`). Rates and
mean logs of a family's arms are learned together (`arms`), each from what its replies say (`rates`, `sizes`),
and so is how much sizes scatter (`tails`). What the family's plain mean of the positives says beyond the law
corrects all its arms, as far as it is known better (Hausman 1978). Everything is closed form over a few
nodes: no draw, no clock, any leading axes.
"""

import numpy as np

from replyloop_assets.learning.belief import law
from replyloop_assets.learning.belief.arms import place_arms
from replyloop_assets.learning.belief.misfit import find_misfit
from replyloop_assets.learning.belief.rates import see_rates, sigmoid
from replyloop_assets.learning.belief.settings import Belief, BeliefSettings, Totals
from replyloop_assets.learning.belief.sizes import SLOPES, see_sizes
from replyloop_assets.learning.belief.tails import scatter
from replyloop_assets.learning.comparison import Floats

LEFT_OUT = 1.15  # of variances: what Gaussians and a few nodes leave out (calibrated by simulation)


def believe(totals: Totals, settings: BeliefSettings | None = None) -> Belief:
    """What is believed of E[y] of each arm, the families on the leading axes one by one.

    Args:
        totals: sums over each arm's replies, arrays (..., arms).
        settings: priors; none for the project's.

    Returns:
        Arrays (..., arms). Where no reply of a family brought anything, the intervals begin at 0.
    """
    from scipy.special import stdtrit

    settings = settings or BeliefSettings()
    totals = Totals(*np.broadcast_arrays(*(np.asarray(part, float) for part in totals)))
    tails = scatter(totals, settings)
    sizes = see_sizes(totals, tails)
    arms = place_arms(see_rates(totals.n, totals.positives, settings), sizes, settings)

    def mixed(values: Floats) -> Floats:
        return np.asarray((arms.weight * values).sum((-2, -3)))

    b = mixed(arms.b)
    variance = law.log_variance(b, tails.sigma)
    at = law.size(b, variance)
    slope = np.clip(at.by_mean, *SLOPES)[..., None, None, :]

    rate = sigmoid(np.clip(arms.a, -20, 20))
    by_a = 1 - rate  # the slope of log P(y > 0)
    own = by_a**2 * arms.var_a + slope**2 * arms.var_b + 2 * by_a * slope * arms.cov
    through_a = by_a * arms.a_by_a + slope * arms.b_by_a
    through_b = by_a * arms.a_by_b + slope * arms.b_by_b
    shared = through_a**2 * arms.var_centre_a + through_b**2 * arms.var_centre_b
    shared += 2 * through_a * through_b * arms.cov_centre
    expected = np.log(rate) - rate * by_a * arms.var_a / 2 + slope * (arms.b - b[..., None, None, :])
    log_mean = mixed(expected)
    own += (expected - log_mean[..., None, None, :]) ** 2
    own_variance = LEFT_OUT * mixed(own)

    misfit = find_misfit(totals, at, b, variance, sizes.cv2, tails, settings)
    log_mean = log_mean + at.log_mean + misfit.correction
    log_variance = own_variance + mixed(shared) + misfit.law_variance + misfit.left
    # a variance that is itself uncertain has heavier tails
    freedom = np.clip(tails.freedom * log_variance / np.maximum(misfit.law_variance, 1e-12), 4, 200)
    reach = stdtrit(freedom, (1 + settings.coverage) / 2) * np.sqrt(log_variance)
    nothing = totals.positives.sum(-1, keepdims=True) == 0
    return Belief(
        np.exp(log_mean),
        np.where(nothing, 0, np.exp(log_mean - reach)),
        np.exp(log_mean + reach),
        log_mean,
        np.sqrt(log_variance),
        np.sqrt(own_variance),
    )

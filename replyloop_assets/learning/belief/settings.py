"""What is assumed before any reply, and what comes out: inputs and outputs of `estimate.believe`."""

from typing import NamedTuple

from replyloop_assets.learning.comparison import Floats


class Totals(NamedTuple):
    """Sums over the replies of each arm, as the daily rollup holds them: arrays of one shape (..., arms).

    y is what one reply brought of one metric: a whole number, at least 0. Logarithms are natural, and of
    the replies with y > 0 alone. An arm without a reply is believed to be like the others.
    """

    n: Floats  # replies
    positives: Floats  # of them, those with y > 0
    sum_log: Floats
    sum_log2: Floats
    sum_y: Floats
    sum_y2: Floats


class Belief(NamedTuple):
    """What is believed of E[y] of each arm: arrays (..., arms), in units of y or its logarithm."""

    mean: Floats  # exp(log_mean): the median of what is believed
    low: Floats  # 95% interval
    high: Floats
    log_mean: Floats  # of log E[y]
    log_sd: Floats  # all that is not known of log E[y]
    own_sd: Floats  # of that, what the arms do not share: by it they are told apart


class BeliefSettings(NamedTuple):
    """Priors, tuned on simulated worlds and judged on others (docs/statistics.md).

    Of an arm, a = logit P(y > 0) and b = the mean of log y where y > 0.
    """

    rate_centre: float = -1.0  # of a over families, and its standard deviation
    rate_centre_sd: float = 2.5
    size_centre: float = 1.0  # of b
    size_centre_sd: float = 0.8
    spread: float = 0.32  # scale of the half-t of the arms' SD of a, and of b (Gelman 2006)
    spread_freedom: float = 3.0
    outliers: float = 0.03  # share of the arms that lie farther out than the others
    outlier_scale: float = 3.0  # how many times as far
    outlier_sd: float = 0.8  # and by how much at least
    sigma: float = 1.3  # latent SD of log y within an arm, and its weight in replies
    sigma_weight: float = 12.0
    misfit: float = 0.22  # relative error of log E[y] - E[log y] where sizes follow another law
    coverage: float = 0.95

"""How much better the treatment is, without the winner's curse: the lift, shrunk, with its interval."""

from typing import NamedTuple

import numpy as np

from replyloop_assets.learning.comparison import LOG_VARIANCE, LOG_VARIANCE_WEIGHT, Evidence, Floats, ratio

NORMAL_95 = 1.959963984540054
TAIL_SPREAD = 0.05  # SD of what differing tails add to the log lift


class Lift(NamedTuple):
    """Percent of the control's mean, with a 95% interval."""

    pct: Floats
    low_pct: Floats
    high_pct: Floats


def shrunk_lift(control: Evidence, treatment: Evidence, spread: float) -> Lift:
    """The posterior median of the lift under normal priors around "no lift", and its 95% interval.

    The log ratio of the two means is a sum of two parts, each shrunk by its own noise. The hurdle part, how
    often a reply brings any times how many it then brings (Duan et al. 1983), has one log-variance for both
    groups and far less noise than the ratio of raw means, which the few largest replies decide. The rest of
    the raw ratio is what differing tails add; as the hurdle part is efficient, it is independent of that
    rest, whose variance is the difference of theirs (Hausman 1978).

    Bayes' rule is not biased by having looked until something was found, as far as the prior is true; the raw
    lift at adoption is (the "winner's curse").

    Args:
        spread: the SD that log lifts have among strategies.
    """
    hurdle, noise = hurdle_lift(control, treatment)
    raw, raw_noise = log_raw(control, treatment)
    rest_noise = np.maximum(raw_noise - noise, noise)
    known = np.isfinite(raw) & np.isfinite(rest_noise)
    rest, rest_noise = np.where(known, raw - hurdle, 0), np.where(known, rest_noise, 0)
    trust, rest_trust = spread**2 / (spread**2 + noise), TAIL_SPREAD**2 / (TAIL_SPREAD**2 + rest_noise)
    middle = trust * hurdle + rest_trust * rest
    error = np.sqrt(trust * noise + rest_trust * rest_noise)
    # rounded, lest the last bit decide a gate
    return Lift(*(np.round(100 * np.expm1(middle + z * error), 9) for z in (0, -NORMAL_95, NORMAL_95)))


def hurdle_lift(control: Evidence, treatment: Evidence) -> tuple[Floats, Floats]:
    """The log ratio of the two means were both of one shape, and its variance."""
    (base, base_noise), (other, other_noise) = log_chance(control), log_chance(treatment)
    size, size_noise = log_sizes(control, treatment)
    return other - base + size, base_noise + other_noise + size_noise


def log_chance(group: Evidence) -> tuple[Floats, Floats]:
    """The log chance of any follower and its variance; half a success keeps it finite (Anscombe 1956)."""
    hits, n = group.positive.n + 0.5, group.followers.n + 1
    return np.log(hits / n), 1 / hits - 1 / n


def log_sizes(control: Evidence, treatment: Evidence) -> tuple[Floats, Floats]:
    """The difference of mean log sizes and its variance; no difference where a group has no size."""
    groups = (control.positive, treatment.positive)
    spread = sum(np.nan_to_num(group.variance) * np.maximum(group.n - 1, 0) for group in groups)
    freedom = sum(np.maximum(group.n - 1, 0) for group in groups)
    variance = (spread + LOG_VARIANCE * LOG_VARIANCE_WEIGHT) / (freedom + LOG_VARIANCE_WEIGHT)
    noise = variance * (1 / (control.positive.n + 0.5) + 1 / (treatment.positive.n + 0.5))
    return np.nan_to_num(treatment.positive.mean - control.positive.mean), noise


def log_raw(control: Evidence, treatment: Evidence) -> tuple[Floats, Floats]:
    """The log ratio of the raw means and its variance by the delta method; NaN where a mean is 0."""
    base, other = control.followers, treatment.followers
    above = (base.mean > 0) & (other.mean > 0)
    quotient = ratio(other.mean, base.mean, above)
    noise = sum(
        ratio(group.variance, np.maximum(group.n, 1) * group.mean**2, above) for group in (base, other)
    )
    return np.log(quotient), np.asarray(noise)

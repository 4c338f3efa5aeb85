"""Which errors are new, surge, rise, fall or have ceased, and how sure that is.

Given how often an error came in two periods together, chance puts each occurrence into the later one by
the periods' lengths. Errors come in bursts, so the test is not the binomial but the beta-binomial one:
daily counts as negative binomial, with the variance that the days before show. Many errors are tested at
every look: a surge holds for all of them together (Bonferroni), and is more than any day before brought;
of rises and falls a bounded part is false (Benjamini and Hochberg 1995).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.incidents.settings import WEEK, ErrorSettings

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]

MOST_TERMS = 20_000
LEAST_SHAPE = 1e-4
# A shape near 0 says that all of an error comes on one day, whichever: then nothing is a surge. Where the
# days before are too few to say how it varies, a surge is as if it varied so, and so many times the worst
# day: errors that come in bursts of unlike size once a week or a month would else surge all the time.
SURGE_SHAPE = 0.3
WORST_RATIO = 10.0


class Trends(NamedTuple):
    """Per error its trend: new | surging | rising | steady | falling | ceased; and its p-value.

    The latter is one-sided, of the last week against the week before, in the direction in which it moved.
    """

    trend: list[str]
    p_value: Floats


def judge_trends(daily: Counts, settings: ErrorSettings, known: Flags | None = None) -> Trends:
    """The trends of errors by their daily counts, shape (errors, lookback_days), the last day first.

    Args:
        known: which are not new even if they came in the last days alone.
    """
    last, week, before = daily[:, 0], daily[:, :WEEK].sum(1), daily[:, WEEK : 2 * WEEK].sum(1)
    days_before = daily[:, 1 : 1 + WEEK].sum(1)
    shape = daily_shape(daily[:, 1:], settings.burstiness)
    more = excess(week, before, WEEK * shape, WEEK * shape)
    fewer = excess(before, week, WEEK * shape, WEEK * shape)
    is_new = daily[:, settings.new_days :].sum(1) == 0
    if known is not None:
        is_new &= ~known
    worst = daily[:, 1:].max(1)
    surging = ~is_new & (last * WEEK >= settings.surge_ratio * days_before) & (last > worst)
    surging &= (shape >= SURGE_SHAPE) | (last >= WORST_RATIO * worst)
    usual = np.maximum(shape[surging], SURGE_SHAPE)
    surging[surging] = excess(last[surging], days_before[surging], usual, WEEK * usual) < (
        settings.surge_chance / max(1, np.sum(~is_new))
    )
    p_value = np.minimum(more, fewer)
    changed = discoveries(np.minimum(2 * p_value, 1), settings.false_changes)
    rising = changed & (week >= settings.change_ratio * before)
    falling = changed & (before >= settings.change_ratio * week)
    trend = np.select(
        [is_new, week == 0, surging, rising, falling],
        ["new", "ceased", "surging", "rising", "falling"],
        "steady",
    )
    return Trends(trend.tolist(), p_value)


def excess(later: Counts, earlier: Counts, later_shape: Floats, earlier_shape: Floats) -> Floats:
    """Chance that so many or more of all occurrences fall into the later period (beta-binomial).

    The shapes are the periods' own, of the negative binomial counts. Beyond `MOST_TERMS` occurrences all
    counts are scaled down, which errs on the side of chance.
    """
    from scipy.special import betaln, gammaln

    chances = np.ones(len(later))
    for n in np.flatnonzero(later):
        scale = max(1.0, (later[n] + earlier[n]) / MOST_TERMS)
        total, a, b = (later[n] + earlier[n]) / scale, later_shape[n], earlier_shape[n]
        k = np.arange(later[n] / scale, total + 1e-6)
        log_ways = gammaln(total + 1) - gammaln(k + 1) - gammaln(np.maximum(total - k, 0) + 1)
        terms = np.exp(log_ways + betaln(k + a, np.maximum(total - k, 0) + b) - betaln(a, b))
        chances[n] = min(1.0, terms.sum())
    return chances


def daily_shape(daily: Counts, burstiness: float) -> Floats:
    """The shape of a day's negative binomial count: its mean over how much too large the variance is."""
    shape: Floats = daily.mean(1) / (dispersion(daily, burstiness) - 1)
    return np.maximum(shape, LEAST_SHAPE)


def dispersion(daily: Counts, burstiness: float) -> Floats:
    """Variance of the daily counts over their mean, within weeks; above 1, as of independent ones."""
    weight = np.full(len(daily), float(WEEK - 1))
    total = weight * burstiness
    for start in range(0, daily.shape[1], WEEK):
        days = daily[:, start : start + WEEK]
        mean = days.mean(1)
        came = mean > 0
        total += np.divide(((days - mean[:, None]) ** 2).sum(1), mean, out=np.zeros(len(days)), where=came)
        weight += came * (days.shape[1] - 1)
    varied: Floats = np.maximum(total / weight, 1.01)
    return varied


def discoveries(p_values: Floats, false_share: float) -> Flags:
    """Which hypotheses fall, with at most this share of them falsely (Benjamini and Hochberg)."""
    ordered = np.sort(p_values)
    passes = ordered <= false_share * np.arange(1, len(ordered) + 1) / max(len(ordered), 1)
    limit = ordered[passes].max(initial=-1.0)
    found: Flags = p_values <= limit
    return found

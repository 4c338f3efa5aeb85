"""How a day changes what is known of each arm's replies: filters of the hurdle (`belief`), with drift.

Rate and size are both filtered with a random walk of variance q a day between observations (Kalman 1960;
the rate by working logits, McCullagh and Nelder 1989). Several q run side by side and are weighed by
their predictive likelihood, older days less. One more filter begins anew whenever it explains the days
since it began no better than the others: its log likelihood ratio is Page's (1954) CUSUM, so a change of
the arms is noticed by itself; an alarm from outside lends it even odds.

The prior around the arms of a dimension is learned from them (empirical Bayes, one step of expectation
maximisation a day). Everything is closed form, of any leading axes: no draw, no clock.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.allocation.belief import (
    CHANGE_ODDS,
    DRIFTS,
    USUAL,
    Parts,
    Prior,
    State,
    covariance_of,
    fresh,
    log_variance,
    posterior,
    weights,
)
from replyloop_assets.learning.comparison import Flags, Floats

EVIDENCE_KEPT = 0.99  # of a filter's log likelihood, from one day to the next
SETTLED_ODDS = 50.0  # of a change, from which what was before it is forgotten
PRIOR_WEIGHT = 4.0  # of the prior's variances, in arms
MOST_CORRELATION = 0.9
MOST_STEP = 2.0  # of an arm's logit, in one day
LEAP, LEAP_ODDS = 3.0, 6.0  # logits, and standard deviations, from which all arms' rate has leapt
SPREAD_KEPT = 0.99  # of the evidence on log variances, from one day to the next


class Daily(NamedTuple):
    """A day's sufficient statistics of what replies brought; arrays of one shape (..., arms)."""

    n: Floats
    positives: Floats
    sum_log: Floats  # over positives
    sum_log2: Floats  # over positives


def fold(
    days: Daily,
    known: NDArray[np.bool_],
    alarms: Flags,
    lengths: NDArray[np.intp] | int = 1,
    prior: Prior = USUAL,
) -> State:
    """What is known after steps in order: `days` of shape (..., steps, arms).

    `alarms` says before which an alarm was raised, shape (..., steps); `lengths` how many days each holds,
    shape (steps,).
    """
    state = fresh(known, prior)
    for at, length in enumerate(np.broadcast_to(lengths, alarms.shape[-1:])):
        step = Daily(*(part[..., at, :] for part in days))
        alarm = alarms[..., at]
        state = update(alarmed(state, alarm) if alarm.any() else state, step, int(length))
    return state


def update(state: State, day: Daily, length: int = 1) -> State:
    """One day later, or `length` days at once: drift, what they brought, and the prior learned anew."""
    state = drifted(begin(state, day), length)
    parts, weight = posterior(state), weights(state)
    leaps = leapt(state, parts, weight, day)
    if leaps.any():
        state = begin(forgotten(state, leaps), day)
        parts, weight = posterior(state), weights(state)
    n, k = day.n[..., None, :], day.positives[..., None, :]
    rate = 1 / (1 + np.exp(-parts.a))
    surprise_a = k - n * rate
    # where next to nothing was expected and much came, the slope there says nothing of how far to go
    precision_a = np.maximum(n * rate * (1 - rate), np.abs(surprise_a) / MOST_STEP - 1 / parts.var_a)
    variance = log_variance(state)
    precision_b = k / variance[..., None, None]
    surprise_b = (day.sum_log[..., None, :] - k * parts.b) / variance[..., None, None]
    likely = predictive(precision_a, surprise_a, parts.var_a) + predictive(
        precision_b, surprise_b, parts.var_b
    )

    mixed = weight[..., None]
    expected, spread = (mixed * parts.b).sum(-2), (mixed * parts.var_b).sum(-2)
    squares = day.sum_log2 - 2 * expected * day.sum_log + day.positives * expected**2
    squares = np.maximum(squares, 0) / (1 + spread / variance[..., None])
    state = state._replace(
        rate_precision=state.rate_precision + precision_a,
        rate_score=state.rate_score + precision_a * parts.a + surprise_a,
        size_precision=state.size_precision + precision_b,
        size_score=state.size_score + precision_b * parts.b + surprise_b,
        squares=SPREAD_KEPT**length * state.squares + squares,
        hits=SPREAD_KEPT**length * state.hits + day.positives,
    )
    return learned(weighed(state, likely.sum(-1), weight, length))


def begin(state: State, day: Daily) -> State:
    """Before the first day that brings anything to learn from, the prior takes that day's averages."""
    starts = ~state.begun & (day.n.sum(-1) > 0)
    if not starts.any():
        return state
    replies, hits = day.n.sum(-1), day.positives.sum(-1)
    centre = np.stack(
        [np.log((hits + 0.5) / (replies - hits + 0.5)), day.sum_log.sum(-1) / np.maximum(hits, 1)], -1
    )
    return state._replace(
        begun=state.begun | starts,
        centre=np.where(starts[..., None, None], centre[..., None, :], state.centre),
    )


def leapt(state: State, parts: Parts, weight: Floats, day: Daily) -> Flags:
    """Whether all arms' rate is certainly far from what was expected: far in logits, and beyond any chance.

    No slope tells how far it went: a filter that followed would overshoot, and never come back.
    """
    rate = 1 / (1 + np.exp(-(weight[..., None] * parts.a).sum(-2)))
    surprise = np.abs((day.positives - day.n * rate).sum(-1))
    variance = (day.n * rate * (1 - rate)).sum(-1)
    return np.asarray(
        state.begun & (surprise > LEAP * variance) & (surprise > LEAP_ODDS * (1 + np.sqrt(variance)))
    )


def forgotten(state: State, leaps: Flags) -> State:
    """The state with nothing learnt where the rate has leapt."""
    new = fresh(state.known, state.prior)
    parts = {name: getattr(state, name) for name in State._fields if name not in ("known", "prior")}
    return state._replace(
        **{
            name: np.where(
                leaps.reshape(leaps.shape + (1,) * (old.ndim - leaps.ndim)), getattr(new, name), old
            )
            for name, old in parts.items()
        }
    )


def drifted(state: State, days: int) -> State:
    """What was known, some days of random walk later."""
    kept_a = 1 / (1 + days * DRIFTS * state.rate_precision)
    kept_b = 1 / (1 + days * DRIFTS * state.size_precision)
    return state._replace(
        rate_precision=state.rate_precision * kept_a,
        rate_score=state.rate_score * kept_a,
        size_precision=state.size_precision * kept_b,
        size_score=state.size_score * kept_b,
    )


def predictive(precision: Floats, surprise: Floats, variance: Floats) -> Floats:
    """Log likelihood ratio of a Gaussian observation, against its being exactly what was expected.

    `surprise` is its score there: precision times (observed - expected); 0 where nothing was observed.
    """
    inflation = 1 + precision * variance
    fit = surprise**2 / np.maximum(precision, 1e-12) / inflation
    return -0.5 * (np.log(inflation) + np.where(precision > 0, fit, 0))


def weighed(state: State, likely: Floats, weight: Floats, days: int) -> State:
    """Filters weighed by how well they foretold the day; `likely` and `weight` have shape (..., F).

    The filter that began anew does so again where it explains nothing, and takes the others' place where
    a change is certain.
    """
    best = likely.max(-1, keepdims=True)
    steady = weight[..., :-1] / weight[..., :-1].sum(-1, keepdims=True)
    foretold = best[..., 0] + np.log((steady * np.exp(likely[..., :-1] - best)).sum(-1) + 1e-300)
    change = np.maximum(state.change + likely[..., -1] - foretold, 0)
    evidence = EVIDENCE_KEPT**days * state.evidence + likely[..., :-1]
    settled = CHANGE_ODDS * np.exp(np.minimum(change, 50)) > SETTLED_ODDS
    anew = (change <= 0) | settled

    def handed_on(filtered: Floats) -> Floats:
        newest = filtered[..., -1:, :]
        others = np.where(settled[..., None, None], newest, filtered[..., :-1, :])
        return np.concatenate([others, np.where(anew[..., None, None], 0, newest)], -2)

    return state._replace(
        rate_precision=handed_on(state.rate_precision),
        rate_score=handed_on(state.rate_score),
        size_precision=handed_on(state.size_precision),
        size_score=handed_on(state.size_score),
        evidence=np.where(settled[..., None], 0, evidence),
        change=np.where(settled, 0, change),
        anew_days=np.where(anew, 0, state.anew_days + days),
        steady_days=np.where(settled, state.anew_days, state.steady_days) + days,
    )


def alarmed(state: State, alarm: Flags) -> State:
    """The state after an alarm from outside: a change has even odds, and the days to come decide."""
    even = np.maximum(state.change, -np.log(CHANGE_ODDS))
    return state._replace(change=np.where(alarm, even, state.change))


def learned(state: State) -> State:
    """The prior over arms, one step of expectation maximisation closer to what the arms show."""
    parts = posterior(state)
    known = state.known[..., None, :]
    count = known.sum(-1)

    def over_arms(values: Floats) -> Floats:
        return np.asarray(np.where(known, values, 0).sum(-1))

    centre_a, centre_b = (over_arms(part) / np.maximum(count, 1) for part in (parts.a, parts.b))
    off_a, off_b = parts.a - centre_a[..., None], parts.b - centre_b[..., None]
    heavy = PRIOR_WEIGHT + count
    prior_a, prior_b, prior_ab = PRIOR_WEIGHT * covariance_of(state.prior)
    var_a = (prior_a + over_arms(off_a**2 + parts.var_a)) / heavy
    var_b = (prior_b + over_arms(off_b**2 + parts.var_b)) / heavy
    most = MOST_CORRELATION * np.sqrt(var_a * var_b)
    cov = np.clip((prior_ab + over_arms(off_a * off_b + parts.cov)) / heavy, -most, most)
    return state._replace(
        centre=np.stack([centre_a, centre_b], -1), covariance=np.stack([var_a, var_b, cov], -1)
    )

"""What a day usually brings: its mean, its weekday's part, and how much days scatter around that.

Two layers of chance: replies within a day (variance / n), and days among themselves, which may hang
together. A random-effects model (DerSimonian and Laird 1986) with a long-run variance (Newey and West
1987), estimated by moments from daily sufficient statistics. The noise is around the month's own level:
what the loop has learned to bring within the past months is no luck that may turn.
"""

from typing import NamedTuple

import numpy as np

from replyloop_assets.learning.comparison import Floats, Moments

WEEK = 7
MONTH = 4  # weeks over which the level may have moved: what learning does is no luck
LAGS = 7  # days over which one day's luck may reach the next ones
CLEAR_RHYTHM = 2.0  # weekday means that scatter less than this many times chance are no rhythm


class Baseline(NamedTuple):
    """The usual day. Each of shape (...), `rhythm` of shape (..., 7).

    `rhythm` is what a weekday adds to the mean: at 0 for the day after the last one, and so on.
    `reply_variance` is that of one reply within its day, `day_variance` the long-run variance that
    days add; `days` and `replies` are those with outcomes.
    """

    mean: Floats
    rhythm: Floats
    reply_variance: Floats
    day_variance: Floats
    days: Floats
    replies: Floats

    def variance(self, replies: Floats) -> Floats:
        """The variance of the mean of a day with so many replies, counted as long-run noise."""
        return np.asarray(self.reply_variance / np.maximum(replies, 1) + self.day_variance)

    @property
    def usual_variance(self) -> Floats:
        """That of a day with the usual number of replies."""
        return self.variance(self.replies / np.maximum(self.days, 1))


def estimate_baseline(daily: Moments, day_noise_factor: float = 1.0) -> Baseline:
    """The usual day of consecutive days.

    Args:
        daily: count, sum and sum of squares of one metric's replies, shape (..., days); a day without
            any counts for nothing.
        day_noise_factor: multiplies the variance that days add.
    """
    n, total, squares = (by_week(part) for part in daily)
    held = n > 0
    days, replies = over_days(held.astype(float)), over_days(n)
    x = np.divide(total, n, out=np.zeros_like(n), where=held)
    reply_variance = over_days(np.maximum(squares - n * x**2, 0)) / np.maximum(replies - days, 1)
    mean = over_days(total) / np.maximum(replies, 1)

    residual = np.where(held, x - local_level(n, total), 0)
    rhythm = weekday_effects(n, residual, reply_variance)
    residual = np.where(held, residual - rhythm, 0)
    months = max(1, len(n) // MONTH)
    day_variance = excess_variance(n, residual, reply_variance, months) + shared_luck(residual, days)
    of_replies = reply_variance * days / np.maximum(replies, 1)
    # taking a month's mean out takes that much of the long-run variance along, replies' part included: the
    # weighted autocovariances each lose 1 / T of it, and twice their weights sum to LAGS
    day_variance = (of_replies + day_variance) / (1 - LAGS / (MONTH * WEEK)) - of_replies
    day_variance = day_noise_factor * np.maximum(day_variance, 0)
    return Baseline(mean, np.moveaxis(rhythm, 0, -1), reply_variance, day_variance, days, replies)


def local_level(n: Floats, total: Floats) -> Floats:
    """The mean of the month that each week lies in, shape (weeks, 1, ...); months count from the end."""
    weeks = len(n)
    starts = [0, *range(weeks % MONTH + MONTH, weeks, MONTH)]
    count, sums = (np.add.reduceat(part.sum(1), starts) for part in (n, total))
    mean = over_days(total) / np.maximum(over_days(n), 1)
    means = np.where(count > 0, sums / np.maximum(count, 1), mean)
    return np.repeat(means, np.diff([*starts, weeks]), axis=0)[:, None]


def by_week(part: Floats) -> Floats:
    """Days, shape (..., days), as (weeks, 7, ...): days of nothing first, so that the last week is whole.

    What is summed over comes first: sums then run over all lives at once, day after day.
    """
    days = np.moveaxis(part, -1, 0)
    weeks = max(1, -(-len(days) // WEEK))
    whole = np.zeros((weeks * WEEK, *days.shape[1:]))
    whole[len(whole) - len(days) :] = days
    return whole.reshape(weeks, WEEK, *days.shape[1:])


def over_weeks(part: Floats) -> Floats:
    """The sum over weeks, weekday by weekday, shape (7, ...)."""
    return np.asarray(part.sum(0))


def over_days(part: Floats) -> Floats:
    """The sum over all days of weeks, shape (...): weekday by weekday, in one life as in many."""
    return np.asarray(part.sum(0).sum(0))


def excess_variance(n: Floats, residual: Floats, reply_variance: Floats, fitted: int) -> Floats:
    """The variance of days beyond what their replies explain, never below 0 (method of moments)."""
    days, replies = over_days((n > 0).astype(float)), over_days(n)
    beyond = over_days(n * residual**2) - np.maximum(days - fitted, 1) * reply_variance
    freedom = replies * (1 - fitted / np.maximum(days, fitted + 1))
    return np.asarray(np.maximum(0, beyond / np.maximum(freedom, 1)))


def shared_luck(residual: Floats, days: Floats) -> Floats:
    """What the luck that days share adds to their long-run variance: weighted autocovariances, twice."""
    residual = residual.reshape(-1, *residual.shape[2:])
    added = np.zeros(np.shape(days))
    for lag in range(1, LAGS + 1):
        product = (residual[lag:] * residual[:-lag]).sum(0)
        added += 2 * (1 - lag / (LAGS + 1)) * product / np.maximum(days, 1)
    return added


def weekday_effects(n: Floats, residual: Floats, reply_variance: Floats) -> Floats:
    """What each weekday adds to the mean, shape (7, ...): shrunk, and 0 where there is no clear rhythm."""
    count = over_weeks(n)
    deviation = over_weeks(n * residual) / np.maximum(count, 1)
    rest = np.where(n > 0, residual - deviation, 0)
    day_variance = excess_variance(n, rest, reply_variance, WEEK)
    chance = (reply_variance * count + day_variance * over_weeks(n**2)) / np.maximum(count, 1) ** 2
    spread = np.maximum(0, (deviation**2).sum(0) / (WEEK - 1) - CLEAR_RHYTHM * chance.mean(0))
    effect = deviation * spread / np.maximum(spread + chance, 1e-300)
    centre = (effect * count).sum(0) / np.maximum(count.sum(0), 1)
    return np.asarray(np.where(spread > 0, effect - centre, 0))

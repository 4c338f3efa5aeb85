"""The default detector: has the mean of log(1 + followers) fallen, and since when?

A one-sided CUSUM (Page 1954) of the log-likelihood ratio between the baseline and a drop of the design's
size: g <- max(0, g + d (usual - x - d / 2) / variance). It is the classic g + z - k in units of 2k, so that
a day of many replies weighs more than one of few, and a day without any weighs nothing. Where the thresholds
come from stands in `thresholds`.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.comparison import Flags, Floats, Moments
from replyloop_assets.learning.health.baseline import WEEK, Baseline, estimate_baseline
from replyloop_assets.learning.health.settings import HealthSettings
from replyloop_assets.learning.health.thresholds import thresholds

Days = NDArray[np.intp]

NEVER = -1  # an index that stands for "no day"


class Watch(NamedTuple):
    """The detector's state after each day, each of shape (..., days).

    g and its thresholds are in nats. `mean` and `sd` are the baseline's, of a day's mean. `segment` is
    the index of the day that g last rose from 0 on, with the replies since, their mean, and the one-sided
    p-value of its being below the baseline. `episode` is the index of the day whose alarm still lasts,
    or NEVER; `confirmed` whether the evidence has sufficed for a pivot since. `usual_from` is the index
    of the day from which on the baseline holds, 0 while no episode has ended by its age.
    """

    g: Floats
    threshold: Floats
    pivot_threshold: Floats
    mean: Floats
    sd: Floats
    baseline_days: Floats
    segment: Days
    segment_replies: Floats
    segment_mean: Floats
    p_value: Floats
    episode: Days
    confirmed: Flags
    usual_from: Days

    @property
    def ready(self) -> Flags:
        """Whether there was a baseline to compare with."""
        return np.asarray(np.isfinite(self.threshold))

    @property
    def alarmed(self) -> Flags:
        """Whether an episode lasts."""
        return np.asarray(self.episode != NEVER)


class Settled(NamedTuple):
    """The folded days with what they were compared with; indices count from the first day folded.

    `seen_on` is the day whose baseline holds, `usual_from` as in `Watch`.
    """

    usual: Baseline
    alarm: Floats
    pivot: Floats
    g: Floats
    segment: Days
    episode: Days
    seen_on: Days
    usual_from: Days

    @property
    def parts(self) -> list[NDArray[Any]]:
        """Every array, each with the lives as its leading axes."""
        return [*self.usual, *self[1:]]


def watch_daily(daily: Moments, settings: HealthSettings, start: int) -> Watch:
    """Fold the days from index `start` on; the days before serve as baseline alone.

    Args:
        daily: count, sum and sum of squares of log(1 + followers), shape (..., days), consecutive days.
    """
    from scipy.special import ndtr

    n = daily.n[..., start:]
    x = daily.total[..., start:] / np.maximum(n, 1)
    usual, alarm, pivot, g, segment, episode, seen_on, usual_from = settle(
        daily, np.zeros(n.shape, int), start, settings
    )
    usual = Baseline(*(take_days(part, seen_on) for part in usual))
    alarm, pivot, usual_from = (take_days(part, seen_on) for part in (alarm, pivot, usual_from))
    below = usual.mean + rhythm_of(usual.rhythm, np.arange(n.shape[-1]) - seen_on, settings) - x

    replies, replies2, lost = (since(part, segment) for part in (n, n**2, n * below))
    shortfall = lost / np.maximum(replies, 1)
    variance = usual.reply_variance / np.maximum(replies, 1)
    variance += usual.day_variance * replies2 / np.maximum(replies, 1) ** 2
    variance += usual.usual_variance / np.maximum(usual.days, 1)
    p_value = ndtr(-shortfall / np.sqrt(np.maximum(variance, 1e-12)))

    enough = (replies >= settings.pivot_min_samples) & (p_value < settings.pivot_significance)
    sure = np.where(enough & (g >= pivot), np.arange(n.shape[-1]), NEVER)
    confirmed = (episode != NEVER) & (np.maximum.accumulate(sure, axis=-1) >= episode)
    watch = Watch(
        g, alarm, pivot, usual.mean, np.sqrt(usual.usual_variance), usual.days, segment + start, replies,
        usual.mean - shortfall, p_value, np.where(episode == NEVER, NEVER, episode + start), confirmed,
        usual_from,
    )  # fmt: skip
    idle = {"threshold": np.inf, "pivot_threshold": np.inf, "segment": NEVER, "episode": NEVER}
    return Watch(*(lead_in(part, start, idle.get(name, 0)) for name, part in watch._asdict().items()))


def settle(daily: Moments, usual_from: Days, start: int, settings: HealthSettings) -> Settled:
    """Fold, and anew those lives in which an episode ended by its age: its level is the usual one then.

    What comes before such an end is left as it was, so each time one more of a life's ends is final.
    """
    n = daily.n[..., start:]
    x = daily.total[..., start:] / np.maximum(n, 1)
    usual = baselines(daily, usual_from, start, settings)
    alarm, pivot = thresholds(usual, settings)
    g, segment, episode, seen_on, renewed = fold(n, x, usual, alarm, pivot, settings)
    renewed = np.where(renewed == NEVER, 0, renewed + start)
    settled = Settled(usual, alarm, pivot, g, segment, episode, seen_on, usual_from)
    again = (renewed != usual_from).any(-1)
    if again.any():
        anew = settle(Moments(*(part[again] for part in daily)), renewed[again], start, settings)
        for part, better in zip(settled.parts, anew.parts, strict=True):
            part[again] = better
    return settled


def baselines(daily: Moments, usual_from: Days, start: int, settings: HealthSettings) -> Baseline:
    """The usual day as seen on each day from `start` on: of its own past, but not the last days of it.

    Nor of what comes before the index that `usual_from` has for the day, shape (..., days from `start`).
    """
    length, gap = settings.baseline_days, settings.baseline_gap_days
    days = daily.n.shape[-1]
    windows = []
    for part in daily:
        padded = np.concatenate([np.zeros((*part.shape[:-1], length + gap)), part], axis=-1)
        view = np.lib.stride_tricks.sliding_window_view(padded, length, axis=-1)
        windows.append(view[..., start + 1 : days + 1, :])
    if usual_from.any():
        day = np.arange(start, days)[:, None] - gap - np.arange(length)[::-1]
        windows = [view * (day >= usual_from[..., None]) for view in windows]
    return estimate_baseline(Moments(*windows), settings.day_noise_factor)


def fold(
    n: Floats, x: Floats, usual: Baseline, alarm: Floats, pivot: Floats, settings: HealthSettings
) -> tuple[Floats, Days, Days, Days, Days]:
    """The level g after each day, since when it is above 0, and the day of the alarm that lasts, or NEVER.

    And the day as seen on which the usual one holds: its own, or that of the alarm, so that what is
    found low does not become the usual before the episode ends. And where one ended by its age, the day
    since when g was above 0 then: from there on its level is the usual one; else NEVER.
    """
    lead, length = n.shape[:-1], n.shape[-1]
    single = [alarm, pivot, usual.mean, usual.reply_variance, usual.day_variance]
    figures = np.concatenate([np.stack(single, axis=-1), usual.rhythm], axis=-1)
    n, x, figures = (part.reshape(-1, length, *part.shape[len(lead) + 1 :]) for part in (n, x, figures))
    lives = np.arange(len(n))
    level, rose = np.zeros(len(n)), np.zeros(len(n), int)
    raised, renewed = np.full(len(n), NEVER), np.full(len(n), NEVER)
    g = np.zeros(n.shape)
    segment, episode, seen_on, usual_from = (np.zeros(n.shape, int) for _ in range(4))
    quiet = steps(n, x, figures, np.zeros(n.shape, int), settings)  # of days that are their own usual one
    for day in range(length):
        over = (raised != NEVER) & (day - raised >= settings.episode_days)
        level, raised = np.where(over, 0.0, level), np.where(over, NEVER, raised)
        renewed = np.where(over, rose, renewed)
        rose = np.where(level <= 0, day, rose)
        lasts = raised != NEVER
        then = np.where(lasts, raised, day)
        seen, step = figures[lives, then], quiet[:, day]
        if lasts.any():
            step = steps(n[:, day], x[:, day], seen, day - then, settings)
        high, limit = seen[:, 0], seen[:, 1]
        level = np.where(np.isfinite(high), np.minimum(np.maximum(level + step, 0), limit), 0.0)
        lasts = level >= np.where(lasts, settings.recovery, 1) * high
        raised = np.where(lasts, then, NEVER)
        g[:, day], segment[:, day], episode[:, day] = level, rose, raised
        seen_on[:, day], usual_from[:, day] = then, renewed
    found = (part.reshape(*lead, length) for part in (g, segment, episode, seen_on, usual_from))
    return tuple(found)  # type: ignore[return-value]


def steps(n: Floats, x: Floats, figures: Floats, later: Days, settings: HealthSettings) -> Floats:
    """What days add to g, each of n replies with the mean x, that come so much later than their usual one.

    Args:
        figures: alarm, pivot, mean, variance of a reply and of a day, and the rhythm: shape (..., 12).
    """
    mean, of_reply, of_day = figures[..., 2], figures[..., 3], figures[..., 4]
    drop = settings.design_drop * mean
    below = mean + rhythm_of(figures[..., 5:], later, settings) - x
    variance = np.maximum(of_reply / np.maximum(n, 1) + of_day, 1e-12)
    return np.where(n > 0, drop * (below - drop / 2) / variance, 0.0)


def rhythm_of(rhythm: Floats, later: Days, settings: HealthSettings) -> Floats:
    """The weekday's part of the day that comes so many days after the one its baseline was seen on."""
    weekday = (settings.baseline_gap_days - 1 + later) % WEEK
    return np.take_along_axis(rhythm, weekday[..., None], -1)[..., 0]


def take_days(part: NDArray[Any], days: Days) -> NDArray[Any]:
    """The entries of these days, where `days` has one for each day, shape (..., days)."""
    return np.take_along_axis(part, days[..., None] if part.ndim > days.ndim else days, days.ndim - 1)


def since(part: Floats, first: Days) -> Floats:
    """The sum of the days from index `first` to each day, shape (..., days)."""
    total = np.cumsum(part, axis=-1)
    return np.asarray(total - np.take_along_axis(total - part, first, -1))


def lead_in(part: NDArray[Any], days: int, value: float) -> NDArray[Any]:
    """The same with so many idle days before the first."""
    before = np.full((*part.shape[:-1], days), value, part.dtype)
    return np.concatenate([before, part], axis=-1)

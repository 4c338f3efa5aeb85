"""What each day does to any reply: weekday, season, its own luck, and what the world changes for all."""

import numpy as np

from replyloop_assets.simulation.outcomes import Floats
from replyloop_assets.simulation.world import Change, Rhythm


def day_factors(rhythm: Rhythm, noise: Floats, first_weekday: int = 0) -> Floats:
    """The factor of each day, shape (..., days) as `noise`, which is standard normal; Monday is 0."""
    day = np.arange(noise.shape[-1])
    known = (np.array(rhythm.weekdays) / np.mean(rhythm.weekdays))[(day + first_weekday) % 7]
    known = known * (1 + rhythm.season * np.sin(2 * np.pi * day / rhythm.season_days))
    keep, shock = rhythm.autocorrelation, noise.copy()
    for today in day[1:]:
        shock[..., today] = keep * shock[..., today - 1] + np.sqrt(1 - keep**2) * shock[..., today]
    return np.asarray(known * np.exp(rhythm.shock * shock))


def left_by_drops(changes: tuple[Change, ...], days: int) -> Floats:
    """What the drops leave of each day's replies, shape (days,)."""
    left = np.ones(days)
    for change in changes:
        if change.kind == "drop":
            left[span(change)] *= 1 - change.size
    return left


def span(change: Change) -> slice:
    """The days on which a change holds."""
    return slice(change.day, change.day + change.lasts if change.lasts else None)

"""Is the loop still doing as well as it did? The numbers of both rules, and the seed's own rule.

Seed, Phase 4.3 (SystemHealthMonitor) and risk 5: the last 7 days against the last 30, a drop of more than
30% is degraded; a pivot needs at least 30 samples and 95% confidence. The default rule is in `change`.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.comparison import Floats, Moments, lower_tail, ratio, welch
from replyloop_assets.learning.health.settings import HealthSettings

Flags = NDArray[np.bool_]


def has_recovered(status: str, rule: str, degradation: float | None, settings: HealthSettings) -> bool:
    """Whether an episode is over for good, so that what comes next is another.

    The detector ends one below half its threshold; the seed's ratio must have come back by as much.
    """
    if status != "healthy" or rule == "default":
        return status == "healthy"
    return degradation is not None and degradation <= settings.recovery * settings.degraded_drop


class Comparison(NamedTuple):
    """The recent days against the historical window that they end; drop as a fraction, p one-sided."""

    degradation: Floats
    p_value: Floats
    degraded: Flags
    pivot_warranted: Flags


@dataclass(frozen=True)
class Health:
    """One window's verdict by the seed's rule, with its figures: followers per reply."""

    status: str
    recent_avg_followers: float
    historical_avg_followers: float
    degradation: float
    sample_size_recent: int
    sample_size_historical: int
    p_value: float
    pivot_warranted: bool
    reason: str


def trailing_sums(daily: Moments, days: int) -> Moments:
    """The moments of the `days` days that end with each, shape (..., days) as given; exact for counts."""
    summed = []
    for part in daily:
        total = np.cumsum(part, axis=-1)
        before = np.zeros_like(total)
        before[..., days:] = total[..., :-days]
        summed.append(total - before)
    return Moments(*summed)


def compare_windows(recent: Moments, historical: Moments, settings: HealthSettings) -> Comparison:
    """The seed's rule on windows of any shape; NaN, and not degraded, where there is nothing to compare.

    The p-value (Welch) compares the recent days with those before them, which share no reply with them.
    """
    now, then = recent.mean, historical.mean
    known = (recent.n > 0) & (then > 0)
    # rounded lest the last bit make a drop of exactly 30% more
    degradation = np.round(ratio(then - now, then, known), 9)
    degraded = degradation > settings.degraded_drop
    before = Moments(*(whole - part for whole, part in zip(historical, recent, strict=True)))
    p_value = np.where(known, lower_tail(*welch(before, recent)), np.nan)
    sure = (recent.n >= settings.pivot_min_samples) & (p_value < settings.pivot_significance)
    return Comparison(degradation, p_value, degraded, degraded & sure)


def check_health(age: Floats, daily: Moments, settings: HealthSettings) -> Health:
    """The seed's verdict on one window.

    Args:
        age: how many days before the window's last day each row lies, 0 for that day itself.
        daily: count, sum and sum of squares of followers per reply, one entry per row.
    """
    recent, historical = (
        Moments(*(np.asarray(part[age < days].sum(), float) for part in daily))
        for days in (settings.recent_days, settings.historical_days)
    )
    seen = compare_windows(recent, historical, settings)
    now, then, degradation = float(recent.mean), float(historical.mean), float(seen.degradation)
    samples = int(recent.n)
    if np.isnan(degradation):
        status = "unknown"
        reason = (
            f"Nothing gained in {settings.historical_days} days."
            if samples
            else f"No outcome in the last {settings.recent_days} days."
        )
    else:
        status = "degraded" if seen.degraded else "healthy"
        reason = (
            f"{now:.2f} followers per reply in {settings.recent_days} days against {then:.2f} in "
            f"{settings.historical_days}: {abs(degradation):.0%} {'down' if degradation > 0 else 'up'}"
            f" over {samples} replies."
        )
    warranted, p_value = bool(seen.pivot_warranted), float(seen.p_value)
    return Health(status, now, then, degradation, samples, int(historical.n), p_value, warranted, reason)

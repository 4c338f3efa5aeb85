"""Is the loop still doing as well as it did? The seed's last 7 days against its last 30.

Seed, Phase 4.3 (SystemHealthMonitor) and risk 5: a drop of more than 30% is degraded; a pivot needs at
least 30 samples and 95% confidence.
"""

from dataclasses import dataclass

import numpy as np

from replyloop_assets.learning.comparison import Floats, Moments, lower_tail, welch


@dataclass(frozen=True)
class HealthSettings:
    """The seed's numbers: windows in days, the drop that degrades, what a pivot needs."""

    recent_days: int = 7
    historical_days: int = 30
    degraded_drop: float = 0.3
    pivot_min_samples: int = 30
    pivot_significance: float = 0.05


@dataclass(frozen=True)
class Health:
    """One window's verdict, with its figures: followers per reply, drop as a fraction, p one-sided."""

    status: str
    recent_avg_followers: float
    historical_avg_followers: float
    degradation: float
    sample_size_recent: int
    sample_size_historical: int
    p_value: float
    pivot_warranted: bool
    reason: str


def check_health(age: Floats, daily: Moments, settings: HealthSettings) -> Health:
    """Compare the recent days with the historical window that they end.

    Args:
        age: how many days before the window's last day each row lies, 0 for that day itself.
        daily: count, sum and sum of squares of followers per reply, one entry per row.

    The p-value compares the recent days with those before them, which share no reply with them.
    """
    recent = _pool(daily, age < settings.recent_days)
    historical = _pool(daily, age < settings.historical_days)
    before = _pool(daily, (age >= settings.recent_days) & (age < settings.historical_days))
    now, then = float(recent.mean), float(historical.mean)
    samples, history = int(recent.n), int(historical.n)
    if not samples or not then > 0:
        reason = "No outcome in the last {} days." if not samples else "Nothing gained in {1} days."
        reason = reason.format(settings.recent_days, settings.historical_days)
        return Health("unknown", now, then, np.nan, samples, history, np.nan, False, reason)

    degradation = round((then - now) / then, 9)  # lest the last bit make a drop of exactly 30% more
    degraded = degradation > settings.degraded_drop
    p_value = float(lower_tail(*welch(before, recent)))
    warranted = bool(
        degraded and samples >= settings.pivot_min_samples and p_value < settings.pivot_significance
    )
    reason = (
        f"{now:.2f} followers per reply in {settings.recent_days} days against {then:.2f} in "
        f"{settings.historical_days}: {abs(degradation):.0%} {'down' if degradation > 0 else 'up'}"
        f" over {samples} replies."
    )
    status = "degraded" if degraded else "healthy"
    return Health(status, now, then, degradation, samples, history, p_value, warranted, reason)


def _pool(daily: Moments, days: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Moments:
    return Moments(*(np.asarray(part[days].sum(), float) for part in daily))

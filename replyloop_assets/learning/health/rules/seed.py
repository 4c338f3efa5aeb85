"""The seed's rule, Phase 4.3 (SystemHealthMonitor) and risk 5: the last 7 days against the last 30.

A drop of more than 30% is degraded; a pivot needs at least 30 samples and 95% confidence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from replyloop_assets.learning.comparison import Flags, Floats, Moments, lower_tail, ratio, welch
from replyloop_assets.learning.health.change import Watch
from replyloop_assets.learning.health.ruling import Ruling
from replyloop_assets.learning.health.settings import HealthSettings

Row = Mapping[str, Any]


class Seed:
    """A ratio of two averages."""

    name = "seed"
    judges_what_is_watched = False

    def rule(
        self, days: Sequence[date], seed: "Health", watch: Watch, followers: Moments, settings: HealthSettings
    ) -> Ruling:
        """The ratio's verdict; its segment is its episode, and no level becomes the usual one."""
        episode = seed_episode(followers, settings)
        started = days[episode] if episode >= 0 else None
        return Ruling(seed.status, seed.pivot_warranted, seed.reason, None, started, None)

    def daily(self, followers: Moments, logs: Moments, settings: HealthSettings) -> tuple[Flags, Flags]:
        """Whether each day is degraded, and whether a pivot is warranted."""
        recent, historical = (
            trailing_sums(followers, days) for days in (settings.recent_days, settings.historical_days)
        )
        seen = compare_windows(recent, historical, settings)
        return seen.degraded, seen.pivot_warranted

    def has_recovered(self, status: str, degradation: float | None, settings: HealthSettings) -> bool:
        """Whether an episode is over for good: the ratio must have come back by half of what is degraded."""
        back = settings.recovery * settings.degraded_drop
        return status == "healthy" and degradation is not None and degradation <= back

    def shortfall(self, row: Row) -> str:
        """How much less than usual a degraded row says."""
        return f", {row['degradation']:.0%} less than in the days before"

    def evidence(self, row: Row, settings: HealthSettings) -> str:
        """How far a healthy row is from an alarm."""
        most = f"{settings.degraded_drop:.0%}"
        return (
            f"an alarm needs a drop of more than {most}, and there is one of {max(0, row['degradation']):.0%}"
        )

    def luck(self, row: Row, settings: HealthSettings) -> str:
        """How often chance alone would look like a degraded row."""
        chance = "unknown" if row["p_value"] is None else f"{row['p_value']:.2g}"
        return f"the probability that chance alone looks like this is {chance}"

    def needed(self, row: Row, settings: HealthSettings) -> str:
        """What a pivot needs."""
        sure = f"{1 - settings.pivot_significance:.0%}"
        return f"a pivot needs {settings.pivot_min_samples} replies and {sure} confidence"


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


def check_health(daily: Moments, settings: HealthSettings) -> list[Health]:
    """The seed's verdict on the last day of each window.

    Args:
        daily: count, sum and sum of squares of followers per reply, shape (windows, days), consecutive days.
    """
    recent, historical = (
        Moments(*(np.asarray(part[..., -days:].sum(-1)) for part in daily))
        for days in (settings.recent_days, settings.historical_days)
    )
    seen = compare_windows(recent, historical, settings)
    figures = (recent.mean, historical.mean, recent.n, historical.n, *seen)
    return [
        tell(now, then, int(samples), int(before), Comparison(*compared), settings)
        for now, then, samples, before, *compared in zip(*(part.tolist() for part in figures), strict=True)
    ]


def tell(
    now: float, then: float, samples: int, before: int, seen: Comparison, settings: HealthSettings
) -> Health:
    """One window's verdict in words, from its averages, numbers of replies and comparison."""
    degradation = float(seen.degradation)
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
    return Health(status, now, then, degradation, samples, before, p_value, warranted, reason)


def seed_episode(followers: Moments, settings: HealthSettings) -> int:
    """The index of the first of the degraded days that end with the last one, by the seed's rule; or -1."""
    recent, historical = (
        trailing_sums(followers, days) for days in (settings.recent_days, settings.historical_days)
    )
    degraded: Flags = compare_windows(recent, historical, settings).degraded
    quiet = np.flatnonzero(~degraded)
    first = int(quiet[-1]) + 1 if len(quiet) else 0
    return first if first < len(degraded) else -1

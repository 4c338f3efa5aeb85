"""Is the loop still doing as well as it did? The numbers of both rules, and the seed's own rule.

Seed, Phase 4.3 (SystemHealthMonitor) and risk 5: the last 7 days against the last 30, a drop of more than
30% is degraded; a pivot needs at least 30 samples and 95% confidence. The default rule is in `change`.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.comparison import Floats, Moments, lower_tail, ratio, welch
from replyloop_assets.learning.health.baseline import WEEK

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class HealthSettings:
    """The seed's numbers: windows in days, the drop that degrades, what a pivot needs; and the detector's.

    The detector compares with a baseline of `baseline_days` that end `baseline_gap_days` ago, and needs
    `min_baseline_days` of it. It is built to see a drop of `design_drop` in the mean of log(1 + followers),
    which lies between those that 30% and 50% fewer followers bring (.22 and .38 in the base world), and its
    thresholds are those at which chance alone would alarm, or warrant a pivot, so often a year.
    Days differ by more than their replies explain: that estimate counts `day_noise_factor` times, since
    too low a one costs false alarms and a high one a day or two. An episode ends below `recovery` of the
    threshold, or after `episode_days`, and a pivot then too: its level is the usual one from then on.
    """

    rule: Literal["seed", "default"] = "default"
    recent_days: int = 7
    historical_days: int = 30
    degraded_drop: float = 0.3
    pivot_min_samples: int = 30
    pivot_significance: float = 0.05
    baseline_days: int = 90
    baseline_gap_days: int = 14
    min_baseline_days: int = 28
    design_drop: float = 0.35
    false_alarms_per_year: float = 1.1
    false_pivots_per_year: float = 0.03
    day_noise_factor: float = 1.5
    recovery: float = 0.5
    episode_days: int = 60
    silence_days: int = 180
    trend_weeks: int = 8

    def __post_init__(self) -> None:
        """Refuse windows of nothing, and thresholds that everything or nothing passes."""
        windows = (self.recent_days, self.min_baseline_days, self.episode_days, self.silence_days)
        if min(*windows, self.trend_weeks) < 1 or self.baseline_gap_days < 0:
            raise ValueError("a window has 1 day at least")
        if self.historical_days < self.recent_days or self.baseline_days < self.min_baseline_days:
            raise ValueError("historical_days hold the recent_days, and baseline_days the min_baseline_days")
        if not (0 < self.design_drop < 1 and 0 < self.degraded_drop < 1 and 0 < self.recovery <= 1):
            raise ValueError("design_drop, degraded_drop and recovery lie between 0 and 1")
        if min(self.false_alarms_per_year, self.false_pivots_per_year) <= 0:
            raise ValueError("false_alarms_per_year and false_pivots_per_year are above 0")

    @property
    def fold_days(self) -> int:
        """How far back the detector is folded anew: what ended before that has left the baseline by now."""
        return self.episode_days + self.baseline_days + self.baseline_gap_days

    @property
    def window_days(self) -> int:
        """The days that the verdict on one day rests on."""
        return max(
            self.baseline_days + self.baseline_gap_days + self.fold_days,
            self.historical_days + self.fold_days,
            WEEK * self.trend_weeks,
        )


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

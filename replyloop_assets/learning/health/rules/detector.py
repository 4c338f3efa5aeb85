"""The default rule: a detector of change with a threshold of its own (`change`), in words."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from replyloop_assets.learning.comparison import Flags, Moments
from replyloop_assets.learning.health.change import Watch, watch_daily
from replyloop_assets.learning.health.rules.seed import Health, Seed
from replyloop_assets.learning.health.ruling import Ruling
from replyloop_assets.learning.health.settings import HealthSettings
from replyloop_assets.learning.health.thresholds import years_between

Row = Mapping[str, Any]
LONGEST_YEARS = 5  # beyond, what days have in common decides how rare a false alarm is, not this count


class Detector:
    """Evidence of a drop, in nats. Where a row has no figures of the detector, the seed's words serve."""

    name = "default"
    judges_what_is_watched = True

    def rule(
        self, days: Sequence[date], seed: Health, watch: Watch, followers: Moments, settings: HealthSettings
    ) -> Ruling:
        """The verdict of what was watched."""
        episode = int(watch.episode[-1])
        started = days[episode] if episode >= 0 else None
        since = days[watch.segment[-1]] if watch.g[-1] > 0 else None
        renewed = days[watch.usual_from[-1]] if watch.usual_from[-1] else None
        status, reason = explain(seed, watch, since, started, renewed, settings)
        return Ruling(status, bool(watch.confirmed[-1]), reason, since, started, renewed)

    def daily(self, followers: Moments, logs: Moments, settings: HealthSettings) -> tuple[Flags, Flags]:
        """Whether each day is degraded, and whether a pivot is warranted."""
        watch = watch_daily(logs, settings, settings.min_baseline_days)
        return watch.alarmed, watch.confirmed

    def has_recovered(self, status: str, degradation: float | None, settings: HealthSettings) -> bool:
        """Whether an episode is over for good: the detector ends one below half its threshold."""
        return status == "healthy"

    def shortfall(self, row: Row) -> str:
        """How much less than usual a degraded row says."""
        if row["segment_mean"] is None or not row["baseline_mean"]:
            return ""
        part = max(0, 1 - row["segment_mean"] / row["baseline_mean"])
        less = f"{part:.0%} less than usual on the log scale"
        return f", and {less} in profile visits" if row["watched"] == "visits" else f", {less}"

    def evidence(self, row: Row, settings: HealthSettings) -> str:
        """How far a healthy row is from an alarm."""
        if row["cusum"] is None or row["threshold"] is None:
            return Seed().evidence(row, settings)
        needed, found = f"{row['threshold']:.1f}", f"{row['cusum']:.1f}"
        return (
            f"the evidence of a drop stands at {found} where an alarm needs {needed}, beside "
            f"{row['baseline_days']} days of what is usual"
        )

    def luck(self, row: Row, settings: HealthSettings) -> str:
        """How often chance alone would look like a degraded row."""
        if not row["segment_replies"] or not row["baseline_sd"] or row["cusum"] is None:
            return Seed().luck(row, settings)
        k = settings.design_drop * row["baseline_mean"] / 2 / row["baseline_sd"]
        years = how_often(float(years_between(row["cusum"], k)))
        return f"over {row['segment_replies']:,} replies chance alone looks like this once in {years}"

    def needed(self, row: Row, settings: HealthSettings) -> str:
        """What a pivot needs."""
        if row["cusum"] is None or row["pivot_threshold"] is None:
            return Seed().needed(row, settings)
        return f"it stands at {row['cusum']:.1f} and a pivot needs {row['pivot_threshold']:.1f}"


def explain(
    seed: Health,
    watch: Watch,
    since: date | None,
    started: date | None,
    renewed: date | None,
    settings: HealthSettings,
) -> tuple[str, str]:
    """The default rule's status, and the reason in words."""
    seen = f"{seed.recent_avg_followers:.2f} followers per reply in {settings.recent_days} days"
    if not seed.sample_size_recent:
        seen = f"no outcome in the last {settings.recent_days} days"
        if not started:
            return "unknown", seed.reason
    if not watch.ready[-1]:
        days = int(watch.baseline_days[-1])
        return "unknown", (
            f"{seen}: too early to judge, with {days} of the {settings.min_baseline_days} days with "
            f"outcomes that must lie more than {settings.baseline_gap_days} days back."
        )
    level, usual = float(watch.segment_mean[-1]), float(watch.mean[-1])
    if started is None or since is None:
        return "healthy", (
            f"{seen} against {seed.historical_avg_followers:.2f} in {settings.historical_days}: "
            f"no drop beyond chance{f', by the level since {renewed}' if renewed else ''}."
        )
    k = settings.design_drop * usual / 2 / watch.sd[-1]
    years = float(years_between(watch.g[-1], k))
    sure = "sure enough for a pivot" if watch.confirmed[-1] else "not yet sure enough for a pivot"
    return "degraded", (
        f"Replies bring less since {since}: {seen}, and {max(0, 1 - level / usual):.0%} less than usual on "
        f"the log scale over {int(watch.segment_replies[-1])} replies; alarm since {started}, {sure}: chance "
        f"alone looks like this once in {how_often(years)}."
    )


def how_often(years: float) -> str:
    """A time in words, no longer than what measured years bear out."""
    if years >= LONGEST_YEARS:
        return f"{LONGEST_YEARS} years or more"
    months = max(1, round(years * 12))
    return f"{years:.1f} years" if years >= 1 else f"{months} month{'s' * (months > 1)}"

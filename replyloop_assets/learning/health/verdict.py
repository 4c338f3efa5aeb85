"""One day's verdict on health by either rule, with every figure behind it and the reason in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.comparison import Moments
from replyloop_assets.learning.health.change import Watch, watch_daily, years_between
from replyloop_assets.learning.health.settings import HealthSettings
from replyloop_assets.learning.health.windows import (
    Health,
    check_health,
    compare_windows,
    trailing_sums,
)

Watched = Literal["followers", "visits"]
LONGEST_YEARS = 5  # beyond, what days have in common decides how rare a false alarm is, not this count


@dataclass(frozen=True)
class Verdict(Health):
    """The seed's figures, and the detector's: g and its thresholds in nats, means of log(1 + y).

    What is watched, y, is followers, or profile visits where hardly any reply brings a follower.
    The segment is what came since g was last 0; the episode is the alarm that lasts, from the day on
    which it was raised. `usual_since` is the day from which on the baseline holds, after an episode whose
    level became the usual one. By the seed's rule the segment is the episode, and no level becomes the
    usual one. What is not known, or does not last, is None.
    """

    rule: str
    watched: Watched
    cusum: float | None
    threshold: float | None
    pivot_threshold: float | None
    baseline_mean: float | None
    baseline_sd: float | None
    baseline_days: int
    segment_started_on: date | None
    segment_replies: int
    segment_mean: float | None
    segment_p_value: float | None
    episode_started_on: date | None
    usual_since: date | None


def judge(
    days: Sequence[date],
    followers: Moments,
    logs: Moments,
    settings: HealthSettings,
    watched: Watched = "followers",
) -> Verdict:
    """Judge the last of some consecutive days.

    Args:
        followers: count, sum and sum of squares of followers per reply, shape (days,); logs the same of
            log(1 + y), y being what is watched.
    """
    age = np.arange(len(days))[::-1].astype(float)
    seed = check_health(age, followers, settings)
    watch = watch_daily(logs, settings, max(0, len(days) - settings.fold_days))
    episode = seed_episode(followers, settings) if settings.rule == "seed" else int(watch.episode[-1])
    started = days[episode] if episode >= 0 else None
    since = days[watch.segment[-1]] if watch.g[-1] > 0 else None
    renewed = days[watch.usual_from[-1]] if watch.usual_from[-1] else None
    status, warranted, reason = seed.status, seed.pivot_warranted, seed.reason
    if settings.rule == "seed":
        since = renewed = None
    else:
        warranted = bool(watch.confirmed[-1])
        status, reason = explain(seed, watch, since, started, renewed, settings)
        if watched == "visits":
            reason += " Judged by profile visits, as hardly any reply brings a follower."
    return Verdict(
        **{**vars(seed), "status": status, "pivot_warranted": warranted, "reason": reason},
        rule=settings.rule,
        watched=watched,
        cusum=finite(watch.g[-1]),
        threshold=finite(watch.threshold[-1]),
        pivot_threshold=finite(watch.pivot_threshold[-1]),
        baseline_mean=finite(watch.mean[-1]),
        baseline_sd=finite(watch.sd[-1]),
        baseline_days=int(watch.baseline_days[-1]),
        segment_started_on=since or started,
        segment_replies=int(watch.segment_replies[-1]) if since else 0,
        segment_mean=finite(watch.segment_mean[-1]) if since else None,
        segment_p_value=finite(watch.p_value[-1]) if since else None,
        episode_started_on=started,
        usual_since=renewed,
    )


def seed_episode(followers: Moments, settings: HealthSettings) -> int:
    """The index of the first of the degraded days that end with the last one, by the seed's rule; or -1."""
    recent, historical = (
        trailing_sums(followers, days) for days in (settings.recent_days, settings.historical_days)
    )
    degraded: NDArray[np.bool_] = compare_windows(recent, historical, settings).degraded
    quiet = np.flatnonzero(~degraded)
    first = int(quiet[-1]) + 1 if len(quiet) else 0
    return first if first < len(degraded) else -1


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


def finite(value: float) -> float | None:
    """A number that the database can hold, None for infinite and NaN."""
    return float(value) if np.isfinite(value) else None

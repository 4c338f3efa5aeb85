"""Verdicts on health by the rule in force, each with every figure behind it and the reason in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from replyloop_assets.learning.comparison import Moments
from replyloop_assets.learning.health.change import Watch, watch_daily
from replyloop_assets.learning.health.rollup import Watched
from replyloop_assets.learning.health.rules import RULES, Rule
from replyloop_assets.learning.health.rules.seed import Health, check_health
from replyloop_assets.learning.health.settings import HealthSettings


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
    days: Sequence[Sequence[date]],
    followers: Moments,
    logs: Moments,
    settings: HealthSettings,
    watched: Sequence[Watched],
) -> list[Verdict]:
    """Judge the last day of each window.

    Args:
        days: the consecutive days of each window, so many in every one.
        followers: count, sum and sum of squares of followers per reply, shape (windows, days); logs the same
            of log(1 + y), y being what is watched.
        watched: in each window.
    """
    seeds = check_health(followers, settings)
    watch = watch_daily(logs, settings, max(0, logs.n.shape[-1] - settings.fold_days))
    rule = RULES[settings.rule]
    return [
        tell(
            rule,
            days[i],
            seed,
            Watch(*(part[i] for part in watch)),
            Moments(*(part[i] for part in followers)),
            settings,
            watched[i],
        )
        for i, seed in enumerate(seeds)
    ]


def tell(
    rule: Rule,
    days: Sequence[date],
    seed: Health,
    watch: Watch,
    followers: Moments,
    settings: HealthSettings,
    watched: Watched,
) -> Verdict:
    """The verdict of one window, from what both kinds of figures say of its days, shape (days,)."""
    ruling = rule.rule(days, seed, watch, followers, settings)
    reason, since = ruling.reason, ruling.since
    if watched == "visits" and rule.judges_what_is_watched:
        reason += " Judged by profile visits, as hardly any reply brings a follower."
    return Verdict(
        **{
            **vars(seed),
            "status": ruling.status,
            "pivot_warranted": ruling.pivot_warranted,
            "reason": reason,
        },
        rule=settings.rule,
        watched=watched,
        cusum=finite(watch.g[-1]),
        threshold=finite(watch.threshold[-1]),
        pivot_threshold=finite(watch.pivot_threshold[-1]),
        baseline_mean=finite(watch.mean[-1]),
        baseline_sd=finite(watch.sd[-1]),
        baseline_days=int(watch.baseline_days[-1]),
        segment_started_on=since or ruling.started,
        segment_replies=int(watch.segment_replies[-1]) if since else 0,
        segment_mean=finite(watch.segment_mean[-1]) if since else None,
        segment_p_value=finite(watch.p_value[-1]) if since else None,
        episode_started_on=ruling.started,
        usual_since=ruling.renewed,
    )


def finite(value: float) -> float | None:
    """A number that the database can hold, None for infinite and NaN."""
    return float(value) if np.isfinite(value) else None

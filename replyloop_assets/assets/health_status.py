"""Is it still working? Whether replies bring less than they did, since when, where, and what is silent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa

from replyloop_assets.assets.stage import Stage, stage_asset
from replyloop_assets.learning.comparison import Moments
from replyloop_assets.learning.health.baseline import WEEK
from replyloop_assets.learning.health.diagnosis import Group, diagnose, explain_diagnosis
from replyloop_assets.learning.health.experiments import (
    Decided,
    decided_within,
    explain_experiments,
    without_experiments,
)
from replyloop_assets.learning.health.periods import compare_periods, periods_of
from replyloop_assets.learning.health.rollup import Rollup, Watched, are_measured, are_sparse, moments_within
from replyloop_assets.learning.health.rules import RULES
from replyloop_assets.learning.health.silence import Silence, explain_silence
from replyloop_assets.learning.health.trends import tell_trends
from replyloop_assets.learning.health.verdict import Verdict, judge
from replyloop_assets.learning.lazily import pd
from replyloop_assets.operator.health_alerts import raise_health_alerts
from replyloop_assets.partitions import Window, day_start
from replyloop_assets.settings import Settings, load_settings
from replyloop_assets.warehouse.filling import Read
from replyloop_assets.warehouse.frames import write_frame
from replyloop_assets.warehouse.health import Span, read_decided, read_rollup, read_silences

Row = dict[str, Any]


def judge_health(
    connection: sa.Connection, windows: Sequence[Window], settings: Settings, held: Sequence[int]
) -> list[int]:
    """Judge some windows together; one without any outcome, and without a silence, gets no row."""
    span = Span.of(windows, settings.health.window_days)
    silences = read_silences(connection, windows, settings.health)
    followers = read_rollup(connection, span, settings.health, "followers")
    counts = [
        int(bool(silent) or followers.held[followers.of_all, first : first + span.length].any())
        for silent, first in zip(silences, span.firsts.tolist(), strict=True)
    ]
    if not any(counts):
        return counts
    rows = []
    judged = judge_windows(connection, span, followers, settings)
    for window, days_held, silent, counted, (verdict, groups, left_out, trends) in zip(
        windows, held, silences, counts, judged, strict=True
    ):
        if counted:
            row = tell_window(verdict, groups, left_out, silent) | {"trends": json.dumps(trends)}
            raise_health_alerts(connection, window, row, silent, settings.health)
            rows.append({"day": window.day, "as_of": window.as_of, "days_held": days_held} | row)
    write_frame(connection, STAGE.writes, pd.DataFrame(rows, dtype=object))
    return counts


Judged = tuple[Verdict, list[Group], list[Decided], list[dict[str, Any]]]


def judge_windows(
    connection: sa.Connection, span: Span, followers: Rollup, settings: Settings
) -> list[Judged]:
    """Of each window the verdict, where a drop comes from, the experiments left out, and the trends."""
    rule, firsts, length = settings.health, span.firsts, span.length
    rollups = choose_watched(connection, span, followers, settings)
    watched: list[Watched] = ["followers" if one is followers else "visits" for one in rollups]
    known = read_decided(connection, span, sorted(set(watched)))
    decided = [
        decided_within(known[metric], first, length)
        for metric, first in zip(watched, firsts.tolist(), strict=True)
    ]
    logs = [
        without_experiments(
            Moments(*(part[rollup.of_all, first : first + length] for part in rollup.logs)),
            left_out,
            settings.experiments.lift_spread,
        )
        for rollup, first, left_out in zip(rollups, firsts.tolist(), decided, strict=True)
    ]
    whole = Moments(*(part[followers.of_all] for part in followers.plain))
    days = [span.days[first : first + length] for first in firsts.tolist()]
    verdicts = judge(
        days,
        moments_within(whole, firsts, length),
        Moments(*map(np.stack, zip(*logs, strict=True))),
        rule,
        watched,
    )
    periods = [periods_of(verdict, of[-1], rule) for verdict, of in zip(verdicts, days, strict=True)]
    # what the mean of all replies varies by: rather a little too wide than too sure
    noise = [
        (verdict.baseline_sd or 0.0) ** 2 / period.length
        for verdict, period in zip(verdicts, periods, strict=True)
    ]
    groups = diagnose(compare_periods(rollups, firsts, length, periods), np.array(noise))
    weeks = WEEK * rule.trend_weeks
    trends = tell_trends(rollups, firsts + length - weeks, weeks)
    return list(zip(verdicts, groups, decided, trends, strict=True))


def choose_watched(
    connection: sa.Connection, span: Span, followers: Rollup, settings: Settings
) -> list[Rollup]:
    """Of each window the rollup of what is watched in it."""
    to_visits = are_sparse(followers, span.firsts, span.length, settings.allocation.sparse_positives)
    if not to_visits.any():
        return [followers] * len(to_visits)
    visits = read_rollup(connection, span, settings.health, "visits")
    to_visits &= are_measured(followers, visits, span.firsts, span.length, settings.health.baseline_gap_days)
    return [visits if sparse else followers for sparse in to_visits]


def tell_window(
    verdict: Verdict, groups: Sequence[Group], left_out: Sequence[Decided], silences: Sequence[Silence]
) -> Row:
    """What the table says of one window, but for its trends."""
    row = dict(vars(verdict))
    episode = row.pop("episode_started_on")
    judged_by = RULES[verdict.rule]
    sentences = [verdict.reason, explain_experiments(left_out) if judged_by.judges_what_is_watched else ""]
    if verdict.status == "degraded":
        sentences.append(explain_diagnosis(groups))
    elif fallen := [f"{one.dimension} {one.value}" for one in groups if one.fell]:
        sentences.append(f"But {', '.join(fallen)} fell, beyond chance.")
    if silences:
        sentences.insert(0, explain_silence(silences))
    # a drop that is seen stays one, whatever else has stopped
    if any(silence.blinds for silence in silences) or (silences and verdict.status != "degraded"):
        row |= {"status": "silent", "pivot_warranted": False}
    return row | {
        "reason": " ".join(filter(None, sentences)),
        "episode_started_at": day_start(episode) if episode else None,
        "diagnosis": json.dumps([vars(group) for group in groups]),
        "silence": json.dumps([vars(one) for one in silences], default=str),
    }


STAGE = Stage(
    name="health_status",
    group="decisions",
    compute=judge_health,
    reads=[
        Read("daily_rollup", load_settings().health.window_days),
        # another component: what it fails at is made up for later
        Read("experiment_results", load_settings().health.window_days, needed=False),
    ],
    external=[
        "experiment_decisions",
        "reply_opportunities",
        "content_metadata",
        "tweet_metrics",
        "quarantine",
    ],
    kinds=frozenset({"postgres", "python"}),
    fact_days=load_settings().health.silence_days,
)
asset = stage_asset(
    STAGE,
    "Whether replies bring less than they used to, since when, how sure, and where the drop comes from; "
    "what has fallen silent or cannot be taken; what rises or falls over weeks; what a pivot needs; and the "
    "seed's last 7 days against the last 30 beside it.",
)

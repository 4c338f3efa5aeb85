"""Is it still working? Whether replies bring less than they did, since when, where, and what is silent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa

from replyloop_assets.assets.stage import Stage, stage_asset
from replyloop_assets.learning.comparison import Moments
from replyloop_assets.learning.dimensions import ALL, DIAGNOSED, TRENDING
from replyloop_assets.learning.experiments.looks import ADOPT
from replyloop_assets.learning.health.baseline import WEEK
from replyloop_assets.learning.health.diagnosis import Group, diagnose, explain_diagnosis
from replyloop_assets.learning.health.experiments import Decided, explain_experiments, without_experiments
from replyloop_assets.learning.health.rules import RULES
from replyloop_assets.learning.health.settings import HealthSettings
from replyloop_assets.learning.health.silence import (
    Silence,
    explain_silence,
    find_failure,
    find_silence,
)
from replyloop_assets.learning.health.trends import find_trends
from replyloop_assets.learning.health.verdict import Verdict, Watched, judge
from replyloop_assets.learning.lazily import pd
from replyloop_assets.learning.metrics import COLUMNS
from replyloop_assets.operator.health_alerts import raise_health_alerts
from replyloop_assets.partitions import Window, day_start, days_between
from replyloop_assets.settings import Settings, load_settings
from replyloop_assets.warehouse.filling import Read
from replyloop_assets.warehouse.frames import read_frame, write_frame
from replyloop_assets.warehouse.queries import read_sql

MEASURED = 0.5  # of the replies, below which a metric cannot stand for them
FOLLOWERS = ["n", "sum_y", "sum_y2"]
LOGS = ["n", "sum_log1p", "sum_log1p2"]


def judge_health(connection: sa.Connection, window: Window, settings: Settings, days_held: int) -> int:
    """Judge one window; one without any outcome, and without a silence, gets no row."""
    first = window.first_day(settings.health.window_days)
    followers = read_rollup(connection, window, settings.health, "followers")
    silences = read_silences(connection, window, settings.health)
    if followers.empty and not silences:
        return 0
    days = days_between(first, window.day)
    watched, rollup = choose_watched(connection, window, settings, followers)
    decided = read_decided(connection, days, watched)
    logs = series(rollup[rollup["dimension"] == "all"], days, LOGS)
    verdict = judge(
        days,
        series(followers[followers["dimension"] == "all"], days, FOLLOWERS),
        without_experiments(logs, decided, settings.experiments.lift_spread),
        settings.health,
        watched,
    )
    groups = diagnose_window(rollup, window.day, verdict, settings.health)
    row = asdict(verdict)
    episode = row.pop("episode_started_on")
    judged_by = RULES[verdict.rule]
    sentences = [verdict.reason, explain_experiments(decided) if judged_by.judges_what_is_watched else ""]
    if verdict.status == "degraded":
        sentences.append(explain_diagnosis(groups))
    elif fallen := [f"{one.dimension} {one.value}" for one in groups if one.fell]:
        sentences.append(f"But {', '.join(fallen)} fell, beyond chance.")
    if silences:
        sentences.insert(0, explain_silence(silences))
    # a drop that is seen stays one, whatever else has stopped
    if any(silence.blinds for silence in silences) or (silences and verdict.status != "degraded"):
        row |= {"status": "silent", "pivot_warranted": False}
    row |= {
        "reason": " ".join(filter(None, sentences)),
        "episode_started_at": day_start(episode) if episode else None,
        "diagnosis": json.dumps([asdict(group) for group in groups]),
        "silence": json.dumps([asdict(one) for one in silences], default=str),
        "trends": json.dumps(read_trends(connection, window, settings.health, watched)),
    }
    raise_health_alerts(connection, window, row, silences, settings.health)
    return write_frame(
        connection,
        STAGE.writes,
        pd.DataFrame([row], dtype=object),
        day=window.day,
        as_of=window.as_of,
        days_held=days_held,
    )


def read_rollup(
    connection: sa.Connection, window: Window, settings: HealthSettings, metric: Watched
) -> pd.DataFrame:
    """What the window's days brought by one metric, of all replies and of each group."""
    parameters = {
        "first_day": window.first_day(settings.window_days),
        "day": window.day,
        "metric": COLUMNS[metric],
        "dimensions": [ALL, *DIAGNOSED],
    }
    return read_frame(connection, read_sql("stages/health_status"), parameters)


def read_decided(connection: sa.Connection, days: Sequence[date], watched: Watched) -> list[Decided]:
    """The experiments that were adopted or rejected within the window, the oldest decision first."""
    parameters = {"first_day": days[0], "day": days[-1], "metric": COLUMNS[watched]}
    rows = read_frame(connection, read_sql("stages/health_status_experiments"), parameters)
    found = []
    for _, one in rows.groupby("experiment_id", sort=False):
        key = one.iloc[0]
        started, ended = ((key[name] - days[0]).days for name in ("started_on", "decided_on"))
        control, treatment, of_value = (
            series(one[one["series"] == name], days, LOGS) for name in ("control", "treatment", "value")
        )
        pair, is_adopted = (key["control_value"], key["treated_value"]), key["decision"] == ADOPT
        found.append(
            Decided(key["dimension"], *pair, is_adopted, started, ended, control, treatment, of_value)
        )
    return found


def choose_watched(
    connection: sa.Connection, window: Window, settings: Settings, followers: pd.DataFrame
) -> tuple[Watched, pd.DataFrame]:
    """What the detector watches: followers, or profile visits where hardly any reply brings a follower.

    Visits must be there for most replies, of old and of late: else what is not measured looks like calm.
    """
    whole = followers[followers["dimension"] == "all"]
    if whole["positives"].sum() < settings.allocation.sparse_positives * whole["n"].sum():
        visits = read_rollup(connection, window, settings.health, "visits")
        lately = window.first_day(settings.health.baseline_gap_days)
        seen, of = (
            (rows["n"].sum(), since(rows, lately)) for rows in (visits[visits["dimension"] == "all"], whole)
        )
        if seen[0] > 0 and all(n >= MEASURED * most for n, most in zip(seen, of, strict=True)):
            return "visits", visits
    return "followers", followers


def since(rows: pd.DataFrame, first: date) -> float:
    """The replies of these days from `first` on."""
    return float(rows.loc[rows["day"] >= first, "n"].sum())


def series(rows: pd.DataFrame, days: Sequence[date], columns: list[str]) -> Moments:
    """Moments of every day of the window, shape (days,); zeros where there was no outcome."""
    daily = np.zeros((3, len(days)))
    places = [(day - days[0]).days for day in rows["day"]]
    daily[:, places] = rows[columns].to_numpy(float).T
    return Moments(*daily)


def diagnose_window(
    rollup: pd.DataFrame, day: date, verdict: Verdict, settings: HealthSettings
) -> list[Group]:
    """Each tier, account size and generator: an episode's days, or else the last ones, against before."""
    gap = settings.baseline_gap_days
    since = verdict.segment_started_on if verdict.episode_started_on else None
    age = np.array([(day - row).days for row in rollup["day"]])
    length = (day - since).days + 1 if since else gap
    oldest = max(length, gap) + settings.baseline_days
    if verdict.usual_since:
        oldest = min(oldest, (day - verdict.usual_since).days + 1)
    now, before = age < length, (age >= max(length, gap)) & (age < oldest)
    groups = {}
    for dimension, rows in rollup.assign(now=now, before=before).groupby("dimension", sort=True):
        if dimension != "all":
            values = sorted(rows["value"].unique())
            past, recent = (pooled(rows[rows[period]], values) for period in ("before", "now"))
            groups[str(dimension)] = (values, past, recent)
    # what the mean of all replies varies by: rather a little too wide than too sure
    return diagnose(groups, (verdict.baseline_sd or 0.0) ** 2 / length)


def pooled(rows: pd.DataFrame, values: list[str]) -> Moments:
    """Moments of log(1 + followers) of each value, its days added in order, shape (values,)."""
    sums = rows.sort_values(["value", "day"]).groupby("value")[LOGS].sum().reindex(values, fill_value=0)
    return Moments(*sums.to_numpy(float).T)


def read_trends(
    connection: sa.Connection, window: Window, settings: HealthSettings, watched: Watched
) -> list[dict[str, Any]]:
    """Whether each value rises or falls over the last weeks; what is all replies' is looked at alone."""
    first = window.first_day(WEEK * settings.trend_weeks)
    parameters = {
        "first_day": first,
        "day": window.day,
        "metric": COLUMNS[watched],
        "dimensions": list(TRENDING),
    }
    rows = read_frame(connection, read_sql("stages/health_status_trends"), parameters)
    if rows.empty:
        return []
    n, total = np.zeros((2, len(rows), WEEK * settings.trend_weeks))
    for i, (age, replies, logs) in enumerate(zip(rows["age"], rows["n"], rows["sum_log1p"], strict=True)):
        days = -1 - np.array(age)
        n[i, days], total[i, days] = replies, logs
    found = find_trends(n, total, (rows["dimension"] == "all").to_numpy())
    columns = {
        "dimension": rows["dimension"],
        "value": rows["value"],
        "replies": n.sum(-1).astype(int),
        **found._asdict(),
    }
    return [
        {name: None if one != one else one for name, one in zip(columns, values, strict=True)}
        for values in zip(*(np.asarray(column).tolist() for column in columns.values()), strict=True)
    ]


def read_silences(connection: sa.Connection, window: Window, settings: HealthSettings) -> list[Silence]:
    """What has not come for longer than usual, or cannot be taken, of the facts of before the as-of."""
    facts = read_frame(
        connection,
        read_sql("stages/health_status_facts"),
        {"since": day_start(window.first_day(settings.silence_days)), "as_of": window.as_of},
    )
    found = [
        find_silence(str(kind), rows["day"].tolist(), rows["last_at"].iloc[-1], window.as_of)
        for kind, rows in facts.groupby("kind", sort=True)
    ]
    refused = read_frame(
        connection,
        read_sql("stages/health_status_refused"),
        {"since": window.as_of - timedelta(days=1), "as_of": window.as_of},
    )
    found += [
        find_failure(kind, since, count, reason, taken, window.as_of)
        for kind, since, count, reason, taken in refused.itertuples(index=False)
    ]
    return [silence for silence in found if silence]


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

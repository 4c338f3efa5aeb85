"""The daily look at every running experiment, on closed days only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa

from replyloop_assets.assets.stage import Stage, stage_asset
from replyloop_assets.learning.comparison import BINS, Evidence, Moments
from replyloop_assets.learning.experiments.assignment import Assignment, Served, find_fault, sample_ratio_p
from replyloop_assets.learning.experiments.judging import judge
from replyloop_assets.learning.experiments.looks import (
    CONTINUE,
    Verdicts,
    first_decision,
)
from replyloop_assets.learning.experiments.rules import rule_of
from replyloop_assets.learning.experiments.settings import ExperimentSettings
from replyloop_assets.learning.experiments.suggestions import suggest
from replyloop_assets.learning.lazily import pd
from replyloop_assets.partitions import Window, days_between
from replyloop_assets.settings import Settings, load_settings
from replyloop_assets.warehouse.edges.showing import show
from replyloop_assets.warehouse.filling import Read
from replyloop_assets.warehouse.frames import derived_id, read_frame, write_frame
from replyloop_assets.warehouse.queries import read_sql

SUMS = ["n", "positives", "sum_y", "sum_y2", "sum_log1p", "sum_log1p2", "sum_log", "sum_log2"]


def evaluate_experiments(
    connection: sa.Connection, window: Window, settings: Settings, days_held: int
) -> int:
    """Look at the experiments open on one closed day; the newest such day decides, and suggests.

    The looks since each start are folded anew, so a day's row is the same whenever it is filled; an
    experiment that an earlier look ended has none.
    """
    if not window.closed:
        return 0
    key: dict[str, object] = {"day": window.day, "as_of": window.as_of}
    series = read_frame(
        connection,
        read_sql("stages/experiment_results"),
        key
        | {
            "horizon_days": settings.experiments.horizon_days,
            "is_newest_closed": window.is_newest_closed,
        },
    )
    known = {"experiments": sorted(set(series["experiment_id"]))}
    traces = read_frame(connection, read_sql("stages/experiment_results_assignment"), key | known)
    results = [
        evaluate(str(experiment), rows, traces[traces["experiment_id"] == experiment], window, settings)
        for experiment, rows in series.groupby("experiment_id", sort=True)
    ]
    newest = pd.DataFrame([result for result in results if result["day"] == window.day])
    if len(newest):
        write_frame(connection, STAGE.writes, newest.drop(columns=["event", "status"]), days_held=days_held)
    if results:
        # a decision stands: what disagrees with it later is told, once
        show(connection, STAGE.name, read_sql("stages/experiment_results_disagreement"), results)
    if window.is_newest_closed:
        if results:
            moves = [result | {"decided_at": window.as_of} for result in results]
            connection.execute(sa.text(read_sql("stages/experiment_results_live")), moves)
        suggest_experiments(connection, window, settings.experiments)
    return len(newest)


def evaluate(
    experiment: str, rows: pd.DataFrame, traces: pd.DataFrame, window: Window, settings: Settings
) -> dict[str, Any]:
    """The look that ended one experiment, or else the newest."""
    rule = settings.experiments.changed(horizon_days=int(rows["horizon_days"].iloc[0]))
    started = rows["started_day"].iloc[0]
    days = days_between(started, min(window.day, started + timedelta(days=rule.horizon_days - 1)))
    control, treatment = (cumulative(rows, variant, len(days)) for variant in ("control", "treatment"))
    verdicts = judge(control, treatment, rule)
    assignment = assigned(traces, len(days))
    # two ratios are looked at every day: together they stop a sound experiment no oftener than that
    fault = find_fault(assignment, rule.sample_ratio_p / (2 * rule.horizon_days))
    at = min(int(first_decision(verdicts.decision)), len(days) - 1)
    decision = str(verdicts.decision[at])
    event, status = ("decided", "completed") if decision != CONTINUE else (None, "running")
    reason = rule_of(rule).explain(verdicts, at, control.followers.n[at], treatment.followers.n[at], rule)
    if event is None and len(days) >= rule.horizon_days:
        event, status = "decided", "inconclusive"
    if fault and fault[0] <= at:
        (at, reason), decision, event, status = fault, CONTINUE, "stopped", "failed"
    return look_row(verdicts, at, control, treatment, rule) | {
        "day": days[at],
        "as_of": Window.at(days[at], window.as_of).as_of,
        "experiment_id": experiment,
        "look": at + 1,
        "sample_ratio_p_value": none_if_unknown(sample_ratio_p(assignment.exposed)[at]),
        "decision": decision,
        "reason": reason,
        "event": event,
        "status": status,
    }


def look_row(
    verdicts: Verdicts, at: int, control: Evidence, treatment: Evidence, rule: ExperimentSettings
) -> dict[str, Any]:
    """What one look saw and went by."""
    welch = verdicts.welch
    numbers = {
        "control_avg_followers": control.followers.mean,
        "treatment_avg_followers": treatment.followers.mean,
        "improvement_pct": welch.improvement_pct,
        "p_value": welch.p_value,
        "statistic": verdicts.statistic,
        "adopt_bound": verdicts.adopt_bound,
        "reject_bound": verdicts.reject_bound,
        "sequential_p_value": verdicts.p_value,
        "shrunk_lift_pct": verdicts.lift.pct,
        "lift_low_pct": verdicts.lift.low_pct,
        "lift_high_pct": verdicts.lift.high_pct,
    }
    return {name: none_if_unknown(values[at]) for name, values in numbers.items()} | {
        "sample_size_control": int(control.followers.n[at]),
        "sample_size_treatment": int(treatment.followers.n[at]),
        "is_significant": bool(verdicts.significant[at]),
        "rule": rule.rule,
        "compared": rule.statistic,
        "horizon_days": rule.horizon_days,
        "inputs": json.dumps({"control": sums(control, at), "treatment": sums(treatment, at)}),
    }


def cumulative(rows: pd.DataFrame, variant: str, looks: int) -> Evidence:
    """One variant's evidence after each day since the start, shape (looks,)."""
    of_variant = rows[rows["variant"] == variant]
    daily, bins = np.zeros((len(SUMS), looks)), np.zeros((looks, BINS))
    at = of_variant["look"].to_numpy(int)
    daily[:, at] = of_variant[SUMS].to_numpy(float).T
    for look, filled, counts in zip(at, of_variant["bins"], of_variant["bin_counts"], strict=True):
        np.add.at(bins[look], np.minimum(np.array(filled, int), BINS - 1), counts)
    n, hits, y, y2, log1p, log1p2, log, log2 = daily.cumsum(axis=1)
    return Evidence(
        Moments(n, y, y2), Moments(n, log1p, log1p2), Moments(hits, log, log2), bins.cumsum(axis=0)
    )


def sums(evidence: Evidence, at: int) -> dict[str, float]:
    """The sums that one look went by, under the rollup's names."""
    followers, log1p, positive = (
        [float(part[at]) for part in moments]
        for moments in (evidence.followers, evidence.log1p, evidence.positive)
    )
    values = [followers[0], positive[0], *followers[1:], *log1p[1:], *positive[1:]]
    return dict(zip(SUMS, values, strict=True))


def assigned(traces: pd.DataFrame, looks: int) -> Assignment:
    """What the ledger says, cumulative, each part of shape (looks,)."""
    found = traces[traces["look"] < looks]

    def counts(name: str) -> Any:
        daily = np.zeros(looks)
        np.add.at(daily, found["look"].to_numpy(int), found[name].to_numpy(float))
        return daily.cumsum()

    exposed, judged = (
        Served(*(counts(part + name) for name in ("", "_treated", "_expected", "_variance")))
        for part in ("exposed", "judged")
    )
    return Assignment(exposed, judged, counts("twice"), counts("unexposed"))


def suggest_experiments(connection: sa.Connection, window: Window, settings: ExperimentSettings) -> None:
    """Write down the experiments worth starting, as many as the budget has room for."""
    parameters = {
        "as_of": window.as_of,
        "first_day": window.first_day(settings.suggest_window_days),
        "day": window.day,
        "dimensions": list(settings.suggest_dimensions),
        "since": window.as_of - timedelta(days=settings.horizon_days),
    }
    arms = read_frame(connection, read_sql("stages/experiment_results_arms"), parameters)
    recent = read_frame(connection, read_sql("stages/experiment_results_recent"), parameters)
    room = settings.max_open - int(recent["open"].sum())
    if room <= 0 or arms.empty:
        return
    tried = set(zip(recent["dimension"], recent["treatment"], strict=True))
    per_day = float(arms["per_day"].iloc[0]) / (1 + int(recent["open"].sum()))
    found = suggest(arms, per_day, tried, settings).head(room)
    rows: Sequence[dict[Any, Any]] = found.to_dict("records")
    for row in rows:
        statement = sa.text(read_sql("stages/experiment_results_suggest"))
        key = derived_id("suggestion", row["dimension"], row["control"], row["treatment"], window.day)
        connection.execute(
            statement, row | {"id": key, "as_of": window.as_of, "horizon_days": settings.horizon_days}
        )


def none_if_unknown(value: float) -> float | None:
    """NaN and infinity are NULL in the database."""
    return float(value) if np.isfinite(value) else None


STAGE = Stage(
    name="experiment_results",
    group="decisions",
    compute=evaluate_experiments,
    reads=[
        Read("daily_rollup", load_settings().experiments.horizon_days),
        Read("reply_outcomes", load_settings().experiments.horizon_days),
        Read("strategy_allocation", days=0),  # the share that an adopted treatment takes over
    ],
    external=["experiment_decisions", "decision_ledger"],
    kinds=frozenset({"postgres", "python"}),
)
asset = stage_asset(
    STAGE,
    "The look of each closed day at each running experiment: both averages, the shrunk lift with its "
    "interval, the statistic with its sequential bounds beside Welch's p-value, the sample ratio, and adopt, "
    "reject or continue_testing with the reason in words. The newest closed day alone moves the state in "
    "experiments, records what ended one, and suggests others.",
)

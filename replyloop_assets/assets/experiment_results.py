"""The daily look at every running experiment, on closed days only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from replyloop_assets.assets.stage import Stage, stage_asset
from replyloop_assets.learning.experiments.course import (
    Course,
    Soundness,
    assigned,
    check_soundness,
    cumulative,
    figures,
    follow,
    none_if_unknown,
    rule_on,
    sums,
)
from replyloop_assets.learning.experiments.settings import ExperimentSettings
from replyloop_assets.learning.experiments.suggestions import suggest
from replyloop_assets.partitions import Window, day_start
from replyloop_assets.settings import Settings, load_settings
from replyloop_assets.warehouse.edges.showing import show
from replyloop_assets.warehouse.engine import copy_rows
from replyloop_assets.warehouse.filling import Read
from replyloop_assets.warehouse.frames import derived_id, read_frame
from replyloop_assets.warehouse.looks import Due, read_due, read_outcomes, read_traces
from replyloop_assets.warehouse.queries import read_sql

UNSTORED = ("event", "status")
TOLD = ("experiment_id", "look", "decision", "reason", *UNSTORED)


def evaluate_experiments(
    connection: sa.Connection, windows: Sequence[Window], settings: Settings, held: Sequence[int]
) -> list[int]:
    """Look at the experiments open on some closed days; the newest such day decides, and suggests.

    The looks since each start are folded anew, so a day's row is the same whenever it is filled; an
    experiment that an earlier look ended has none.
    """
    held_on = {window.day: days_held for window, days_held in zip(windows, held, strict=True)}
    closed = [window for window in windows if window.closed]
    if not closed:
        return [0] * len(windows)
    results = look(connection, closed, settings.experiments)
    rows = [result | {"days_held": held_on[one.day]} for one, result in results if result["day"] == one.day]
    if rows:
        columns = [name for name in rows[0] if name not in UNSTORED]
        copy_rows(connection, STAGE.writes, columns, ([row[name] for name in columns] for row in rows))
    if results:
        # a decision stands: what disagrees with it later is told, once
        looks = [
            {"place": place} | {name: result[name] for name in TOLD}
            for place, (_, result) in enumerate(results)
        ]
        show(
            connection,
            STAGE.name,
            read_sql("stages/experiment_results_disagreement"),
            {"looks": json.dumps(looks)},
        )
    for window in closed:
        if window.is_newest_closed:
            moves = [
                result | {"decided_at": window.as_of} for one, result in results if one.day == window.day
            ]
            if moves:
                connection.execute(sa.text(read_sql("stages/experiment_results_live")), moves)
            suggest_experiments(connection, window, settings.experiments)
    days = [row["day"] for row in rows]
    return [days.count(window.day) for window in windows]


def look(
    connection: sa.Connection, windows: Sequence[Window], rule: ExperimentSettings
) -> list[tuple[Due, dict[str, Any]]]:
    """For each window and experiment the look that ended it, or else the newest.

    The course of an experiment is followed once, to the last look that any of the windows knows of. So is
    what the ledger says; for a window that could not know some of it yet, it is read as it was.
    """
    as_of = {window.day: window.as_of for window in windows}
    due = read_due(connection, windows, rule.horizon_days)
    longest = {one.experiment_id: one for one in sorted(due, key=lambda one: one.looks)}
    outcomes = read_outcomes(connection, list(longest.values()))
    traces = read_traces(connection, list(longest), max(as_of), max(as_of.values()))
    courses, sound = {}, {}
    for key, one in longest.items():
        control, treatment = (
            cumulative(outcomes.get((key, variant), []), one.looks) for variant in ("control", "treatment")
        )
        courses[key] = follow(control, treatment, rule.changed(horizon_days=one.horizon_days))
        sound[key] = check_soundness(assigned(traces.get(key, []), one.looks), courses[key].settings)
    results = []
    for one in due:
        key, soundness = one.experiment_id, sound[one.experiment_id]
        if any(trace.known > one.day and trace.look < one.looks for trace in traces.get(key, [])):
            then = read_traces(connection, [key], one.day, as_of[one.day]).get(key, [])
            soundness = check_soundness(assigned(then, one.looks), courses[key].settings)
        results.append((one, row_of(one, courses[key], soundness)))
    return results


def row_of(one: Due, course: Course, soundness: Soundness) -> dict[str, Any]:
    """The row of the look that ended an experiment, or else of the newest."""
    ruling = rule_on(course, soundness, one.looks)
    at, rule = ruling.at, course.settings
    day = one.started_day + timedelta(days=at)
    return figures(course, at) | {
        "day": day,
        "as_of": day_start(day + timedelta(days=1)),
        "experiment_id": one.experiment_id,
        "look": at + 1,
        "rule": rule.rule,
        "compared": rule.statistic,
        "horizon_days": rule.horizon_days,
        "inputs": json.dumps({"control": sums(course.control, at), "treatment": sums(course.treatment, at)}),
        "sample_ratio_p_value": none_if_unknown(soundness.sample_ratio[at]),
        "decision": ruling.decision,
        "reason": ruling.reason,
        "event": ruling.event,
        "status": ruling.status,
    }


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

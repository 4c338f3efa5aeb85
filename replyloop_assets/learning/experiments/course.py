"""The course of an experiment: the looks of all days since its start, and what each of them says.

What a look decides rests on the days up to it alone. So one course holds what the row of every day says,
whichever day asks.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from replyloop_assets.learning.comparison import BINS, Evidence, Floats, Moments
from replyloop_assets.learning.experiments.assignment import Assignment, Served, find_fault, sample_ratio_p
from replyloop_assets.learning.experiments.judging import judge
from replyloop_assets.learning.experiments.looks import CONTINUE, Verdicts, first_decision
from replyloop_assets.learning.experiments.rules import rule_of
from replyloop_assets.learning.experiments.settings import ExperimentSettings

SUMS = ["n", "positives", "sum_y", "sum_y2", "sum_log1p", "sum_log1p2", "sum_log", "sum_log2"]
RUNNING, COMPLETED, INCONCLUSIVE, FAILED = "running", "completed", "inconclusive", "failed"


class Trace(NamedTuple):
    """What the ledger says of one look: the counts of `Assignment` in their order, and since which day."""

    look: int
    counts: Sequence[Any]
    known: date


class Soundness(NamedTuple):
    """Whether the units went where chance sent them: the first fault, and the sample ratio's p (looks,)."""

    fault: tuple[int, str] | None
    sample_ratio: Floats


class Course(NamedTuple):
    """All looks at one experiment; arrays of shape (looks,). `decided` is the first that decided."""

    control: Evidence
    treatment: Evidence
    verdicts: Verdicts
    decided: int
    settings: ExperimentSettings


class Ruling(NamedTuple):
    """The look that ended an experiment, or else the newest, and what came of it."""

    at: int
    decision: str
    reason: str
    event: str | None
    status: str


def follow(control: Evidence, treatment: Evidence, settings: ExperimentSettings) -> Course:
    """The course that the cumulative evidence of each day makes, the first day's first."""
    verdicts = judge(control, treatment, settings)
    return Course(control, treatment, verdicts, int(first_decision(verdicts.decision)), settings)


def check_soundness(assignment: Assignment, settings: ExperimentSettings) -> Soundness:
    """Look at the assignment of each day, as the ledger tells of it."""
    # two ratios are looked at every day: together they stop a sound experiment no oftener than that
    fault = find_fault(assignment, settings.sample_ratio_p / (2 * settings.horizon_days))
    return Soundness(fault, sample_ratio_p(assignment.exposed))


def rule_on(course: Course, soundness: Soundness, looks: int) -> Ruling:
    """What the first looks of a course come to."""
    settings = course.settings
    at = min(course.decided, looks - 1)
    decision = str(course.verdicts.decision[at])
    event, status = ("decided", COMPLETED) if decision != CONTINUE else (None, RUNNING)
    if event is None and looks >= settings.horizon_days:
        event, status = "decided", INCONCLUSIVE
    if soundness.fault and soundness.fault[0] <= at:
        return Ruling(*soundness.fault[:1], CONTINUE, soundness.fault[1], "stopped", FAILED)
    sizes = course.control.followers.n[at], course.treatment.followers.n[at]
    reason = rule_of(settings).explain(course.verdicts, at, *sizes, settings)
    return Ruling(at, decision, reason, event, status)


def figures(course: Course, at: int) -> dict[str, Any]:
    """What one look saw and went by; None where a figure is not known."""
    verdicts, welch = course.verdicts, course.verdicts.welch
    control, treatment = course.control.followers, course.treatment.followers
    numbers = {
        "control_avg_followers": control.mean,
        "treatment_avg_followers": treatment.mean,
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
        "sample_size_control": int(control.n[at]),
        "sample_size_treatment": int(treatment.n[at]),
        "is_significant": bool(verdicts.significant[at]),
    }


def cumulative(days: Sequence[Sequence[Any]], looks: int) -> Evidence:
    """One variant's evidence after each day since the start, shape (looks,).

    Args:
        days: of each day with an outcome its look, its sums as `SUMS` names them, its bins and their counts.
    """
    daily, bins = np.zeros((len(SUMS), looks)), np.zeros((looks, BINS))
    for look, *sums, filled, counts in days:
        daily[:, look] = sums
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


def assigned(traces: Sequence[Trace], looks: int) -> Assignment:
    """What the ledger says, cumulative, each part of shape (looks,); later traces are left out."""
    daily = np.zeros((2 * len(Served._fields) + 2, looks))
    for trace in traces:
        if trace.look < looks:
            daily[:, trace.look] += np.array(trace.counts, float)
    *served, twice, unexposed = daily.cumsum(axis=1)
    return Assignment(Served(*served[:4]), Served(*served[4:]), twice, unexposed)


def none_if_unknown(value: float) -> float | None:
    """NaN and infinity are NULL in the database."""
    return float(value) if np.isfinite(value) else None

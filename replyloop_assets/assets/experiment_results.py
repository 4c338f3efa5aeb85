"""The daily look at every running experiment, on closed days only."""

import numpy as np
import pandas as pd
import sqlalchemy as sa

from replyloop_assets.assets.stage import Stage, stage_asset
from replyloop_assets.learning.comparison import Moments
from replyloop_assets.learning.experiments import CONTINUE, explain, first_decision, look
from replyloop_assets.partitions import Window, days_between
from replyloop_assets.settings import Settings, load_settings
from replyloop_assets.warehouse.frames import read_frame, write_frame
from replyloop_assets.warehouse.named_sql import read_sql
from replyloop_assets.warehouse.windows import Read


def evaluate_experiments(
    connection: sa.Connection, window: Window, settings: Settings, days_held: int
) -> int:
    """Look at the experiments open on one closed day; the newest such day decides.

    The looks since each start are folded anew, so a day's row is the same whenever it is filled; an
    experiment that an earlier look decided has none.
    """
    if not window.closed:
        return 0
    series = read_frame(
        connection,
        read_sql("stages/experiment_results"),
        {
            "day": window.day,
            "as_of": window.as_of,
            "horizon_days": settings.experiments.horizon_days,
        },
    )
    results = [
        evaluate(experiment, rows, window, settings)
        for experiment, rows in series.groupby("experiment_id", sort=True)
    ]
    if not results:
        return 0
    newest = pd.DataFrame([result for result in results if result["day"] == window.day])
    if len(newest):
        write_frame(connection, STAGE.writes, newest.drop(columns="decided"), days_held=days_held)
    if window.is_newest_closed:
        connection.execute(sa.text(read_sql("stages/experiment_results_live")), results)
    return len(newest)


def evaluate(experiment: object, rows: pd.DataFrame, window: Window, settings: Settings) -> dict[str, object]:
    """The look that decided one experiment, or else the one of the window's day."""
    days = days_between(rows["started_day"].iloc[0], window.day)
    control, treatment = (cumulative(rows, variant, len(days)) for variant in ("control", "treatment"))
    looks = look(control, treatment, settings.experiments)
    at = min(int(first_decision(looks.decision)), len(days) - 1)
    return {
        "day": days[at],
        "as_of": Window.at(days[at], window.as_of).as_of,
        "experiment_id": experiment,
        "look": at + 1,
        "sample_size_control": int(control.n[at]),
        "sample_size_treatment": int(treatment.n[at]),
        "control_avg_followers": none_if_nan(control.mean[at]),
        "treatment_avg_followers": none_if_nan(treatment.mean[at]),
        "improvement_pct": none_if_nan(looks.improvement_pct[at]),
        "p_value": none_if_nan(looks.p_value[at]),
        "is_significant": bool(looks.significant[at]),
        "decision": str(looks.decision[at]),
        "decided": str(looks.decision[at]) != CONTINUE,
        "reason": explain(looks, at, control.n[at], treatment.n[at], settings.experiments),
    }


def cumulative(rows: pd.DataFrame, variant: str, looks: int) -> Moments:
    """One variant's moments after each day since the start, shape (looks,)."""
    of_variant = rows[rows["variant"] == variant]
    daily = np.zeros((3, looks))
    daily[:, of_variant["look"].to_numpy(int)] = of_variant[["n", "sum_y", "sum_y2"]].to_numpy(float).T
    return Moments(*daily.cumsum(axis=1))


def none_if_nan(value: float) -> float | None:
    """NaN is NULL in the database."""
    return None if np.isnan(value) else float(value)


STAGE = Stage(
    name="experiment_results",
    group="decisions",
    compute=evaluate_experiments,
    reads=[Read("daily_rollup", load_settings().experiments.horizon_days)],
    follows=["search_plan"],
    external=["experiments"],
    kinds=frozenset({"postgres", "python"}),
)
asset = stage_asset(
    STAGE,
    "The look of each closed day at each running experiment: both averages, the improvement, Welch's "
    "p-value, and adopt, reject or continue_testing with the reason in words. The newest closed day "
    "alone moves the state in experiments and records a decision.",
)

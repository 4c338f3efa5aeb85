"""What looks at experiments go by: which of them a day looks at, what they brought, what the ledger says."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from replyloop_assets.learning.experiments.course import Trace
from replyloop_assets.partitions import Window
from replyloop_assets.warehouse.queries import read_sql


class Due(NamedTuple):
    """An experiment that a day looks at, and how many of its looks that day knows of."""

    day: date
    experiment_id: str
    started_day: date
    horizon_days: int
    looks: int


def read_due(connection: sa.Connection, windows: Sequence[Window], horizon_days: int) -> list[Due]:
    """Which experiments each window looks at; none for longer than `horizon_days`."""
    parameters = {
        "days": [window.day for window in windows],
        "as_ofs": [window.as_of for window in windows],
        "newest_closed": [window.is_newest_closed for window in windows],
        "horizon_days": horizon_days,
    }
    found = connection.execute(sa.text(read_sql("stages/experiment_results_open")), parameters)
    return [Due(*row) for row in found]


def read_outcomes(
    connection: sa.Connection, due: Sequence[Due]
) -> dict[tuple[str, str], list[Sequence[Any]]]:
    """What each variant of each experiment brought day by day, as `course.cumulative` takes it."""
    parameters = {
        "experiments": [one.experiment_id for one in due],
        "started_days": [one.started_day for one in due],
        "looks": [one.looks for one in due],
    }
    found: dict[tuple[str, str], list[Sequence[Any]]] = {}
    for key, variant, *day in connection.execute(sa.text(read_sql("stages/experiment_results")), parameters):
        found.setdefault((key, variant), []).append(day)
    return found


def read_traces(
    connection: sa.Connection, experiments: Sequence[str], day: date, as_of: datetime
) -> dict[str, list[Trace]]:
    """What the ledger said of each of these experiments at an as-of, of the outcomes up to its day."""
    parameters = {"experiments": experiments, "day": day, "as_of": as_of}
    found: dict[str, list[Trace]] = {}
    rows = connection.execute(sa.text(read_sql("stages/experiment_results_assignment")), parameters)
    for key, look, *counts, known in rows:
        found.setdefault(key, []).append(Trace(look, counts, known))
    return found

"""What health is judged by, read once for a batch of windows: rollups, decisions, and when facts came."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa

from replyloop_assets.learning.comparison import Floats, Moments
from replyloop_assets.learning.dimensions import ALL, DIAGNOSED, TRENDING
from replyloop_assets.learning.experiments.looks import ADOPT
from replyloop_assets.learning.health.baseline import WEEK
from replyloop_assets.learning.health.experiments import Decided
from replyloop_assets.learning.health.rollup import Places, Rollup, Watched
from replyloop_assets.learning.health.settings import HealthSettings
from replyloop_assets.learning.health.silence import Silence, find_failure, find_silence
from replyloop_assets.learning.metrics import COLUMNS
from replyloop_assets.partitions import Window, day_start, days_between
from replyloop_assets.warehouse.queries import read_sql

LOGS = ("n", "sum_log1p", "sum_log1p2")
SUMS = ("n", "positives", "sum_y", "sum_y2", *LOGS[1:])
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Span:
    """The days of all windows of a batch; `firsts` is where each one's `length` days begin in them."""

    days: list[date]
    firsts: Places
    length: int

    @classmethod
    def of(cls, windows: Sequence[Window], length: int) -> "Span":
        """The days that these windows of so many days hold."""
        first = min(window.first_day(length) for window in windows)
        days = days_between(first, max(window.day for window in windows))
        return cls(days, np.array([(window.first_day(length) - first).days for window in windows]), length)

    @property
    def bounds(self) -> dict[str, date]:
        """The first and the last day, as the statements name them."""
        return {"first_day": self.days[0], "last_day": self.days[-1]}

    def placed(self, row: sa.Row[Any], names: Sequence[str]) -> Floats:
        """Lists of a row day by day, shape (names, days); 0 where a day has no entry."""
        daily = np.zeros((len(names), len(self.days)))
        daily[:, row.places] = [getattr(row, name) for name in names]
        return daily


def read_rollup(connection: sa.Connection, span: Span, settings: HealthSettings, metric: Watched) -> Rollup:
    """What those days brought by one metric, of all replies and of each value that health asks of."""
    parameters = {
        "metric": COLUMNS[metric],
        "dimensions": [ALL, *DIAGNOSED],
        "trending": list(TRENDING),
        # the oldest window's last weeks
        "trends_from": span.days[int(span.firsts.min()) + span.length - WEEK * settings.trend_weeks],
    }
    rows = connection.execute(sa.text(read_sql("stages/health_status")), parameters | span.bounds).all()
    dimension, value = [row.dimension for row in rows], [row.value for row in rows]
    if ALL not in dimension:
        dimension, value = [*dimension, ALL], [*value, ALL]
    sums = np.zeros((len(SUMS), len(value), len(span.days)))
    held = np.zeros(sums.shape[1:], bool)
    for place, row in enumerate(rows):
        sums[:, place] = span.placed(row, SUMS)
        held[place, row.places] = True
    n, positives, total, squares, logs, log_squares = sums
    return Rollup(
        dimension,
        value,
        held,
        positives,
        Moments(n, total, squares),
        Moments(n, logs, log_squares),
    )


def read_decided(
    connection: sa.Connection, span: Span, metrics: Sequence[Watched]
) -> dict[Watched, list[Decided]]:
    """The experiments that were adopted or rejected on those days, by each metric, oldest decision first."""
    parameters = {"metrics": [COLUMNS[metric] for metric in metrics]}
    query = sa.text(read_sql("stages/health_status_experiments"))
    found: dict[tuple[Any, ...], dict[str, Moments]] = defaultdict(dict)
    for row in connection.execute(query, parameters | span.bounds):
        found[row[:8]][row.series] = Moments(*span.placed(row, LOGS))
    nothing = Moments(*np.zeros((3, len(span.days))))
    decided: dict[Watched, list[Decided]] = {metric: [] for metric in metrics}
    of_column = {COLUMNS[metric]: metric for metric in metrics}
    for (experiment, dimension, control_value, value, decision, *days, column), series in found.items():
        started, ended = ((day - span.days[0]).days for day in days)
        groups = [series.get(name, nothing) for name in ("control", "treatment", "value")]
        what = (experiment, dimension, control_value, value, decision == ADOPT, started, ended)
        decided[of_column[column]].append(Decided(*what, *groups))
    return decided


def read_silences(
    connection: sa.Connection, windows: Sequence[Window], settings: HealthSettings
) -> list[list[Silence]]:
    """What has not come for longer than usual, or cannot be taken, of the facts before each as-of."""
    until = max(window.as_of for window in windows)
    since = day_start(min(window.first_day(settings.silence_days) for window in windows))
    query = sa.text(read_sql("stages/health_status_facts"))
    came: dict[str, tuple[list[int], list[datetime]]] = defaultdict(lambda: ([], []))
    for kind, day, last_at in connection.execute(query, {"since": since, "until": until}):
        came[kind][0].append(day.toordinal())
        came[kind][1].append(last_at)
    failures = read_failures(connection, windows)
    facts = [(kind, np.array(days), instants) for kind, (days, instants) in sorted(came.items())]
    silences = []
    for window in windows:
        looked = [window.first_day(settings.silence_days).toordinal(), window.day.toordinal() + 1]
        found = []
        for kind, days, instants in facts:
            first, end = np.searchsorted(days, looked).tolist()
            if end:
                found.append(find_silence(kind, days[first:end], instants[end - 1], window.as_of))
        found += failures[window.as_of]
        silences.append([silence for silence in found if silence])
    return silences


def read_failures(
    connection: sa.Connection, windows: Sequence[Window]
) -> dict[datetime, list[Silence | None]]:
    """The ingestions that fail at each as-of."""
    as_ofs = sorted({window.as_of for window in windows})  # at midnight two days have one
    parameters = {"as_ofs": as_ofs, "since": as_ofs[0] - DAY, "until": as_ofs[-1]}
    failures: dict[datetime, list[Silence | None]] = {as_of: [] for as_of in as_ofs}
    query = sa.text(read_sql("stages/health_status_refused"))
    for as_of, kind, since, count, reason, taken in connection.execute(query, parameters):
        failures[as_of].append(find_failure(kind, since, count, reason, taken, as_of))
    return failures

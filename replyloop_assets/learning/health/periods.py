"""What is held against what to find where a drop comes from: the days of late, and those before."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np

from replyloop_assets.learning.comparison import Moments
from replyloop_assets.learning.dimensions import DIAGNOSED
from replyloop_assets.learning.health.diagnosis import Compared
from replyloop_assets.learning.health.rollup import Places, Rollup
from replyloop_assets.learning.health.settings import HealthSettings
from replyloop_assets.learning.health.verdict import Verdict


class Periods(NamedTuple):
    """How many days the recent period has, and how many before the window's end the one before it spans."""

    length: int
    newest: int
    oldest: int


def periods_of(verdict: Verdict, day: date, settings: HealthSettings) -> Periods:
    """An episode's days, or else the last ones, against the usual ones before."""
    length = settings.baseline_gap_days
    if verdict.episode_started_on and verdict.segment_started_on:
        length = (day - verdict.segment_started_on).days + 1
    newest = max(length, settings.baseline_gap_days)
    oldest = newest + settings.baseline_days
    if verdict.usual_since:
        oldest = min(oldest, (day - verdict.usual_since).days + 1)
    return Periods(length, newest, oldest)


def compare_periods(
    rollups: Sequence[Rollup], firsts: Places, days: int, periods: Sequence[Periods]
) -> Compared:
    """Every value that came within a window, of all windows.

    Args:
        rollups: of what is watched in each window.
        firsts: where each window of so many days begins in its rollup.
    """
    window: list[int] = []
    dimension: list[str] = []
    value: list[str] = []
    before, now = [np.zeros((3, 0))], [np.zeros((3, 0))]
    sums = {id(one): (one.places(DIAGNOSED), np.stack(one.logs)) for one in rollups}
    for number, (rollup, first, period) in enumerate(zip(rollups, firsts.tolist(), periods, strict=True)):
        places, logs = sums[id(rollup)]
        end = first + days
        places = places[rollup.held[places, first:end].any(-1)]
        window += [number] * len(places)
        dimension += [rollup.dimension[place] for place in places]
        value += [rollup.value[place] for place in places]
        oldest, newest = (max(first, end - age) for age in (period.oldest, period.newest))
        before.append(logs[:, places, oldest:newest].sum(-1))
        now.append(logs[:, places, max(first, end - period.length) : end].sum(-1))
    return Compared(
        np.array(window, int),
        dimension,
        value,
        *(Moments(*np.concatenate(side, axis=-1)) for side in (before, now)),
    )

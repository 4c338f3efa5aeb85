"""What replies brought day by day, from the rollup: the sums that every window is made of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa

from replyloop_assets.learning.lazily import pd
from replyloop_assets.learning.metrics import Metric
from replyloop_assets.warehouse.frames import read_frame
from replyloop_assets.warehouse.queries import read_sql


def read_daily_sums(
    connection: sa.Connection, first: date, last: date, dimensions: Sequence[str], metrics: Sequence[Metric]
) -> pd.DataFrame:
    """The sums of every value of these dimensions from the first day to the last.

    Returns:
        One row per `dimension`, `value` and `metric` (its column of the rollup), with lists that go together:
        `day`, counted from `first` on, `reply_count`, `n`, `positives`, `successes` and the sums.
    """
    parameters = {
        "first_day": first,
        "last_day": last,
        "dimensions": list(dimensions),
        "metrics": [metric.column for metric in metrics],
    }
    return read_frame(connection, read_sql("facts/daily_sums"), parameters)

"""What replies brought day by day, from the rollup: the sums that every window is made of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import chain

import numpy as np
import sqlalchemy as sa

from replyloop_assets.learning.lazily import pd
from replyloop_assets.learning.metrics import Metric
from replyloop_assets.learning.rolling import SUMS
from replyloop_assets.warehouse.frames import read_frame
from replyloop_assets.warehouse.queries import read_sql


def read_daily_sums(
    connection: sa.Connection, first: date, last: date, dimensions: Sequence[str], metrics: Sequence[Metric]
) -> pd.DataFrame:
    """The sums of every value of these dimensions from the first day to the last.

    Returns:
        One row per `dimension`, `value`, `metric` (its column of the rollup) and `day`, counted from `first`
        on, in no order: `reply_count`, `n`, `positives`, `successes` and the sums.
    """
    columns = [metric.column for metric in metrics]
    parameters = {
        "first_day": first,
        "last_day": last,
        "dimensions": list(dimensions),
        "metrics": columns,
    }
    days = read_frame(connection, read_sql("facts/daily_sums"), parameters)
    numbers = np.concatenate([np.zeros((0, 3 + len(SUMS))), *days["numbers"]])
    dimension, metric, day = numbers[:, :3].astype(int).T
    names = {
        "dimension": np.array(dimensions, object)[dimension - 1],
        "value": np.array([*chain.from_iterable(days["value"])], object),
        "metric": np.array(columns, object)[metric - 1],
    }
    texts = {name: pd.Series(values, dtype=object) for name, values in names.items()}
    return pd.DataFrame(numbers[:, 3:], columns=SUMS).assign(day=day, **texts)

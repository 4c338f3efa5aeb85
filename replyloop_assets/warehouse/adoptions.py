"""The facts "a treatment was adopted", which make it its dimension's incumbent for a while."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from replyloop_assets.learning.lazily import pd
from replyloop_assets.partitions import Window
from replyloop_assets.warehouse.frames import read_frame
from replyloop_assets.warehouse.queries import read_sql


def read_adoptions(connection: sa.Connection, window: Window, incumbent_days: int) -> pd.DataFrame:
    """The incumbents as known just before the as-of, the oldest adoption first.

    Returns:
        `dimension`, `value`, the control that it `replaces`, that one's `former_share` (0 to 1)
        and `adopted_at`; a treatment stands there once.
    """
    parameters = {"as_of": window.as_of, "since": window.as_of - timedelta(days=incumbent_days)}
    return read_frame(connection, read_sql("facts/adoptions"), parameters)

"""The facts "a treatment was adopted", which make it its dimension's incumbent for a while."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from replyloop_assets.learning.lazily import pd
from replyloop_assets.partitions import Window
from replyloop_assets.warehouse.frames import read_frame
from replyloop_assets.warehouse.queries import read_sql


def read_adoptions(connection: sa.Connection, windows: Sequence[Window], incumbent_days: int) -> pd.DataFrame:
    """The incumbents of each window as known just before its as-of, the oldest adoption first.

    Returns:
        `place` of the window, `dimension`, `value`, the control that it `replaces`, that one's
        `former_share` (0 to 1) and `adopted_at`; a treatment stands there once a window.
    """
    as_ofs = [window.as_of for window in windows]
    parameters = {"as_ofs": as_ofs, "incumbency": timedelta(days=incumbent_days)}
    return read_frame(connection, read_sql("facts/adoptions"), parameters)

"""The facts "a pivot was opened" and "it was closed", which decisions read."""

from datetime import datetime

import sqlalchemy as sa

from replyloop_assets.partitions import Window, day_start
from replyloop_assets.warehouse.named_sql import read_sql

Pivot = tuple[datetime, datetime | None]


def read_pivots(connection: sa.Connection, window: Window, days: int) -> list[Pivot]:
    """When each pivot of the window was opened and closed, as known just before its as-of."""
    parameters = {"as_of": window.as_of, "since": day_start(window.first_day(days))}
    rows = connection.execute(sa.text(read_sql("windows/pivots")), parameters)
    return [(row.opened_at, row.closed_at) for row in rows]

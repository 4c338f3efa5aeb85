"""Sufficient statistics per day: raw rows are read once, and every window merges these."""

import sqlalchemy as sa

from replyloop_assets.assets.stage import Stage, one_by_one, stage_asset
from replyloop_assets.learning.dimensions import ALL, DIMENSIONS
from replyloop_assets.learning.metrics import METRICS
from replyloop_assets.partitions import Window
from replyloop_assets.settings import Settings
from replyloop_assets.warehouse.filling import Read
from replyloop_assets.warehouse.queries import read_sql


def roll_up(connection: sa.Connection, window: Window, settings: Settings, days_held: int) -> int:
    """Sum up the outcomes of one day by dimension, value and metric."""
    return connection.execute(
        sa.text(read_sql("stages/daily_rollup")),
        {
            "day": window.day,
            "as_of": window.as_of,
            "dimensions": [ALL, *(one.name for one in DIMENSIONS)],
            "metrics": [metric.column for metric in METRICS],
            "success_followers": settings.allocation.success_followers,
        },
    ).rowcount


STAGE = Stage(name="daily_rollup", group="facts", compute=one_by_one(roll_up), reads=[Read("reply_outcomes")])
asset = stage_asset(
    STAGE,
    "The day's outcomes by dimension, value and metric: counts, sums, squares, logarithms and a "
    "log-spaced histogram. Windows of any length merge these rows, so their cost does not grow with "
    "the number of replies.",
)

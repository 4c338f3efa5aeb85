"""Is it still working? The last 7 days against the last 30."""

import numpy as np
import pandas as pd
import sqlalchemy as sa

from replyloop_assets.assets.stage import Stage, stage_asset
from replyloop_assets.learning.comparison import Moments
from replyloop_assets.learning.health import check_health
from replyloop_assets.partitions import Window
from replyloop_assets.settings import Settings, load_settings
from replyloop_assets.warehouse.frames import read_frame, write_frame
from replyloop_assets.warehouse.named_sql import read_sql
from replyloop_assets.warehouse.windows import Read


def judge_health(connection: sa.Connection, window: Window, settings: Settings, days_held: int) -> int:
    """Judge one window; a window without any outcome gets no row."""
    daily = read_frame(
        connection,
        read_sql("stages/health_status"),
        {"first_day": window.first_day(settings.health.historical_days), "day": window.day},
    )
    if daily.empty:
        return 0
    age = np.array([(window.day - day).days for day in daily["day"]])
    moments = Moments(*daily[["n", "sum_y", "sum_y2"]].to_numpy(float).T)
    verdict = pd.DataFrame([check_health(age, moments, settings.health)])
    return write_frame(
        connection, STAGE.writes, verdict, day=window.day, as_of=window.as_of, days_held=days_held
    )


STAGE = Stage(
    name="health_status",
    group="decisions",
    compute=judge_health,
    reads=[Read("daily_rollup", load_settings().health.historical_days)],
    follows=["experiment_results"],
    kinds=frozenset({"postgres", "python"}),
)
asset = stage_asset(
    STAGE,
    "Followers per reply of the last 7 days against the last 30: degraded when more than 30% down, "
    "with what a pivot needs beside it (30 replies, 95% confidence), and the reason in words.",
)

"""What works: every tier, account, hour, generator, format and query over the last 30 days."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import sqlalchemy as sa

from replyloop_assets.assets.stage import Stage, stage_asset
from replyloop_assets.learning.belief.settings import Totals
from replyloop_assets.learning.dimensions import ALL, RATED
from replyloop_assets.learning.lazily import pd
from replyloop_assets.learning.metrics import FOLLOWERS, METRICS, VISITS
from replyloop_assets.learning.performance import describe, merge_days, rate_performance
from replyloop_assets.partitions import Window, day_start
from replyloop_assets.settings import Settings, load_settings
from replyloop_assets.warehouse.daily_sums import read_daily_sums
from replyloop_assets.warehouse.edges.showing import show
from replyloop_assets.warehouse.filling import Read
from replyloop_assets.warehouse.frames import derived_id, write_windows
from replyloop_assets.warehouse.queries import read_sql

LARGEST_AVERAGE = 99_999_999.99  # what the seed's NUMERIC(10, 2) holds
COLUMNS = {
    "dimension": "dimension_type",
    "value": "dimension_value",
    "avg_likes": "avg_reply_likes",
}
SUMS = [f"{metric.name}_{field}" for metric in (FOLLOWERS, VISITS) for field in Totals._fields]


def rate_replies(
    connection: sa.Connection, windows: Sequence[Window], settings: Settings, held: Sequence[int]
) -> list[int]:
    """Rate some windows, and bring the accounts' live figures forward from the newest."""
    length = settings.performance.window_days
    first_day = windows[0].first_day(length)
    daily = read_daily_sums(connection, first_day, windows[-1].day, [ALL, *RATED], METRICS)
    last = np.array([(window.day - first_day).days for window in windows])
    merged = merge_days(daily, last, length)
    rated = rate_performance(merged, settings.performance, settings.allocation.sparse_positives)
    of_rows = [windows[at] for at in rated["window"]]
    rated["id"] = [
        str(derived_id(STAGE.name, one.day, dimension, value))
        for one, dimension, value in zip(of_rows, rated["dimension"], rated["value"], strict=True)
    ]
    rated["metadata"] = [
        json.dumps({"rank": rank, "top": rank == 1, "insight": describe(row)})
        for row, rank in zip(rated.itertuples(), rated.pop("rank"), strict=True)
    ]
    bounded = ["avg_followers_gained", "avg_likes", "avg_impressions", "avg_profile_clicks", "roi_score"]
    rated[bounded] = rated[bounded].clip(upper=LARGEST_AVERAGE)
    as_ofs = pd.Series([one.as_of for one in of_rows], dtype=object)
    placed = rated.assign(
        days_held=np.asarray(held)[rated["window"]],
        measurement_start=[day_start(one.first_day(length)) for one in of_rows],
        **dict.fromkeys(("measurement_end", "last_updated", "created_at"), as_ofs),
    )
    rows = write_windows(connection, STAGE.writes, placed.drop(columns=SUMS).rename(columns=COLUMNS), windows)
    if windows[-1].is_newest and rows[-1]:
        for name in ("live", "added"):
            show(connection, STAGE.name, read_sql(f"stages/{STAGE.name}_{name}"), {"day": windows[-1].day})
        connection.execute(sa.text(read_sql(f"stages/{STAGE.name}_queue")))
    return rows


STAGE = Stage(
    name="reply_performance_analytics",
    group="decisions",
    compute=rate_replies,
    reads=[Read("daily_rollup", load_settings().performance.window_days)],
    kinds=frozenset({"postgres", "python"}),
)
asset = stage_asset(
    STAGE,
    "Followers, likes, impressions and profile visits per reply over the last 30 days, by tier, "
    "account size, timing, generator, account, format, hour and query: confidence, ROI against the "
    "same window's baseline, the seed's performance tier; and what is believed of each, with its interval, "
    "by which they are ranked: followers, or profile visits where hardly any reply brings a follower.",
)

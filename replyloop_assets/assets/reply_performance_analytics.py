"""What works: every tier, account, hour, generator, format and query over the last 30 days."""

import json

import sqlalchemy as sa

from replyloop_assets.assets.stage import Stage, stage_asset
from replyloop_assets.learning.belief.settings import Totals
from replyloop_assets.learning.dimensions import ALL, RATED
from replyloop_assets.learning.metrics import FOLLOWERS, VISITS
from replyloop_assets.learning.performance import describe, rate_performance
from replyloop_assets.partitions import Window, day_start
from replyloop_assets.settings import Settings, load_settings
from replyloop_assets.warehouse.edges.showing import show
from replyloop_assets.warehouse.filling import Read
from replyloop_assets.warehouse.frames import derived_id, read_frame, write_frame
from replyloop_assets.warehouse.queries import read_sql

LARGEST_AVERAGE = 99_999_999.99  # what the seed's NUMERIC(10, 2) holds
COLUMNS = {
    "dimension": "dimension_type",
    "value": "dimension_value",
    "avg_likes": "avg_reply_likes",
}
SUMS = [f"{metric.name}_{field}" for metric in (FOLLOWERS, VISITS) for field in Totals._fields]


def rate_replies(connection: sa.Connection, window: Window, settings: Settings, days_held: int) -> int:
    """Rate one window, and bring the accounts' live figures forward from the newest."""
    first_day = window.first_day(settings.performance.window_days)
    merged = read_frame(
        connection,
        read_sql("stages/reply_performance_analytics"),
        {"first_day": first_day, "day": window.day, "dimensions": [ALL, *RATED]},
    )
    if merged.empty:
        return 0
    rated = rate_performance(merged, settings.performance, settings.allocation.sparse_positives)
    rated["id"] = [
        str(derived_id(STAGE.name, window.day, dimension, value))
        for dimension, value in zip(rated["dimension"], rated["value"], strict=True)
    ]
    rated["metadata"] = [
        json.dumps({"rank": rank, "top": rank == 1, "insight": describe(row)})
        for row, rank in zip(rated.itertuples(), rated.pop("rank"), strict=True)
    ]
    bounded = [
        "avg_followers_gained",
        "avg_likes",
        "avg_impressions",
        "avg_profile_clicks",
        "roi_score",
    ]
    rated[bounded] = rated[bounded].clip(upper=LARGEST_AVERAGE)
    rows = write_frame(
        connection,
        STAGE.writes,
        rated.drop(columns=SUMS).rename(columns=COLUMNS),
        day=window.day,
        as_of=window.as_of,
        days_held=days_held,
        measurement_start=day_start(first_day),
        measurement_end=window.as_of,
        last_updated=window.as_of,
        created_at=window.as_of,
    )
    if window.is_newest:
        for name in ("live", "added"):
            show(connection, STAGE.name, read_sql(f"stages/{STAGE.name}_{name}"), {"day": window.day})
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

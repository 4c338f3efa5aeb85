"""Rates each post found: its tiers, and how much it is worth replying to, by the seed's formula."""

from datetime import timedelta

import sqlalchemy as sa

from replyloop_assets.assets.stage import Stage, one_by_one, stage_asset
from replyloop_assets.partitions import Window, day_start
from replyloop_assets.settings import Settings, load_settings
from replyloop_assets.warehouse.edges.showing import show
from replyloop_assets.warehouse.queries import read_sql


def classify_opportunities(
    connection: sa.Connection, window: Window, settings: Settings, days_held: int
) -> int:
    """Classify the posts found on one day, and set the live columns a bot reads."""
    rows = connection.execute(
        sa.text(read_sql("stages/classified_opportunities")),
        {
            "day": window.day,
            "day_start": day_start(window.day),
            "as_of": window.as_of,
            "boost_window": timedelta(days=settings.performance.window_days),
            "horizon": settings.horizon,
            "grace": settings.grace,
        },
    ).rowcount
    if rows:
        show(
            connection,
            STAGE.name,
            read_sql("stages/classified_opportunities_live"),
            {
                "day": window.day,
                "day_start": day_start(window.day),
                "as_of": window.as_of,
                "is_newest": window.is_newest,
            },
        )
    return rows


STAGE = Stage(
    name="classified_opportunities",
    group="facts",
    compute=one_by_one(classify_opportunities),
    fact_days=load_settings().performance.window_days,
    external=["reply_opportunities", "discovered_accounts", "content_metadata", "tweet_metrics"],
)
asset = stage_asset(
    STAGE,
    "Every post found that day with its engagement tier, its author's account size, its timing "
    "window and its score: likes, plus what its author's posts brought in the 30 days before, plus "
    "freshness, less the crowd of replies.",
)

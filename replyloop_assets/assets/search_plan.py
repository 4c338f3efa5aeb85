"""What to search for next: proven accounts, the best tiers, topics and exploration, with their budgets."""

import sqlalchemy as sa

from replyloop_assets.assets.stage import Stage, one_by_one, stage_asset
from replyloop_assets.learning.search import build_plan
from replyloop_assets.partitions import Window
from replyloop_assets.settings import Settings
from replyloop_assets.warehouse.filling import Read
from replyloop_assets.warehouse.frames import read_frame, write_frame
from replyloop_assets.warehouse.queries import read_sql

LIVE = "search_plan"


def plan_searches(connection: sa.Connection, window: Window, settings: Settings, days_held: int) -> int:
    """Plan one window's searches; the newest replaces the live plan.

    Without a reply in its window a plan says no more than the settings: it goes live, so that a new bot
    has something to search for, and the history stays empty.
    """
    rated = read_frame(
        connection,
        read_sql("stages/search_plan"),
        {
            "day": window.day,
            "as_of": window.as_of,
            "proven_avg_followers": settings.search.proven_avg_followers,
            "pivot_days": settings.health.episode_days,
        },
    )
    accounts, tiers = (
        rated[rated["dimension_type"] == dimension].rename(columns={"dimension_value": name})
        for dimension, name in (("account", "username"), ("engagement_tier", "name"))
    )
    plan = build_plan(accounts, tiers, bool(rated["pivot_open"].iloc[0]), settings.search)
    if window.is_newest:
        room = connection.execute(sa.text(read_sql("stages/search_plan_live")), {"as_of": window.as_of})
        if room.scalar_one():
            write_frame(connection, LIVE, plan, as_of=window.as_of)
    if not rated["holds_replies"].iloc[0]:
        return 0
    return write_frame(connection, STAGE.writes, plan, day=window.day, as_of=window.as_of)


STAGE = Stage(
    name="search_plan",
    group="decisions",
    compute=one_by_one(plan_searches),
    reads=[Read("reply_performance_analytics"), Read("strategy_allocation")],
    external=["pivot_decisions"],
    table="search_plan_history",
    kinds=frozenset({"postgres", "python"}),
)
asset = stage_asset(
    STAGE,
    "The searches, best first, each for the web's search box and for API v2: proven accounts, the top "
    "engagement tiers that are known well enough, the topics of the settings, exploration; with shares of "
    "the effort that follow the allocation. History by day; the newest day alone replaces the live plan.",
)

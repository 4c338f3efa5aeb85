"""What to search for next: proven accounts, the best tiers, topics and exploration, with their budgets."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from replyloop_assets.assets.stage import Stage, stage_asset
from replyloop_assets.learning.search import Account, Query, Tier, build_plan
from replyloop_assets.partitions import Window
from replyloop_assets.settings import Settings
from replyloop_assets.warehouse.engine import copy_rows
from replyloop_assets.warehouse.filling import Read
from replyloop_assets.warehouse.queries import read_sql

LIVE = "search_plan"


def plan_searches(
    connection: sa.Connection, windows: Sequence[Window], settings: Settings, held: Sequence[int]
) -> list[int]:
    """Plan the searches of some windows; the newest replaces the live plan.

    Without a reply in its window a plan says no more than the settings: it goes live, so that a new bot
    has something to search for, and the history stays empty.
    """
    asked = {
        "days": [window.day for window in windows],
        "as_ofs": [window.as_of for window in windows],
        "proven_avg_followers": settings.search.proven_avg_followers,
        "pivot_days": settings.health.episode_days,
    }
    rows = connection.execute(sa.text(read_sql("stages/search_plan")), asked).all()
    plans = {day: plan_window(list(of_day), settings) for day, of_day in groupby(rows, lambda row: row.day)}
    if windows[-1].is_newest:
        as_of = windows[-1].as_of
        room = connection.execute(sa.text(read_sql("stages/search_plan_live")), {"as_of": as_of})
        if room.scalar_one():
            live = ((*query, as_of) for query in plans[windows[-1].day])
            copy_rows(connection, LIVE, [*Query._fields, "as_of"], live)
    kept = {row.day for row in rows if row.holds_replies}
    written = [(*query, one.day, one.as_of) for one in windows if one.day in kept for query in plans[one.day]]
    copy_rows(connection, STAGE.writes, [*Query._fields, "day", "as_of"], written)
    return [len(plans[window.day]) if window.day in kept else 0 for window in windows]


def plan_window(rated: Sequence[sa.Row[Any]], settings: Settings) -> list[Query]:
    """The plan of one window, from what it rated."""
    accounts = [
        Account(row.dimension_value, row.avg_followers, row.believed_followers, row.n)
        for row in rated
        if row.dimension_type == "account"
    ]
    tiers = [
        Tier(row.dimension_value, row.avg_followers, row.confidence, row.share)
        for row in rated
        if row.dimension_type == "engagement_tier"
    ]
    return build_plan(accounts, tiers, rated[0].pivot_open, settings.search)


STAGE = Stage(
    name="search_plan",
    group="decisions",
    compute=plan_searches,
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

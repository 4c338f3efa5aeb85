"""How effort is shared: each family's arms, by the evidence of the same day's analytics."""

from datetime import timedelta

import sqlalchemy as sa

from replyloop_assets.assets.stage import Stage, stage_asset
from replyloop_assets.learning.allocation import allocate
from replyloop_assets.partitions import Window
from replyloop_assets.settings import Settings
from replyloop_assets.warehouse.frames import read_frame, write_frame
from replyloop_assets.warehouse.named_sql import read_sql
from replyloop_assets.warehouse.windows import Read


def allocate_strategies(connection: sa.Connection, window: Window, settings: Settings, days_held: int) -> int:
    """Decide one window's shares; the newest moves the live allocation."""
    evidence = read_frame(
        connection,
        read_sql("stages/strategy_allocation"),
        {
            "day": window.day,
            "as_of": window.as_of,
            "families": list(settings.allocation.families),
            "incumbency": timedelta(days=settings.allocation.incumbent_days),
        },
    )
    # by code point, whatever the server's collation
    evidence = evidence.sort_values(["strategy_type", "strategy_name"], ignore_index=True)
    shares = allocate(evidence, window.as_of, settings.allocation)
    write_frame(connection, STAGE.writes, shares, day=window.day, as_of=window.as_of)
    if window.is_newest:
        connection.execute(
            sa.text(read_sql("stages/strategy_allocation_live")),
            {"day": window.day, "as_of": window.as_of},
        )
    return len(shares)


STAGE = Stage(
    name="strategy_allocation",
    group="decisions",
    compute=allocate_strategies,
    reads=[Read("reply_performance_analytics")],
    follows=["generator_preferences"],
    table="strategy_allocation_history",
    kinds=frozenset({"postgres", "python"}),
)
asset = stage_asset(
    STAGE,
    "The share of each arm in its family (tier, size, timing, generator, query, format, hour): "
    "Thompson draws seeded from the as-of, 70% to the first, 20% to the second, 10% over the rest. "
    "An adopted treatment is incumbent for 14 days. History by day; the newest day alone moves the live "
    "table strategy_allocation.",
)

"""How effort is shared: the values of each dimension, by what they brought day by day."""

import pandas as pd
import sqlalchemy as sa

from replyloop_assets.assets.stage import Stage, stage_asset
from replyloop_assets.learning.allocation.evidence import is_sparse
from replyloop_assets.learning.allocation.shares import allocate
from replyloop_assets.learning.metrics import COLUMNS, FOLLOWERS, VISITS
from replyloop_assets.partitions import Window
from replyloop_assets.settings import Settings, load_settings
from replyloop_assets.warehouse.adoptions import read_adoptions
from replyloop_assets.warehouse.filling import Read
from replyloop_assets.warehouse.frames import read_frame, write_frame
from replyloop_assets.warehouse.pivots import read_pivots
from replyloop_assets.warehouse.queries import read_sql


def allocate_strategies(connection: sa.Connection, window: Window, settings: Settings, days_held: int) -> int:
    """Decide one window's shares; the newest moves the live allocation."""
    evidence = read_frame(
        connection,
        read_sql("stages/strategy_allocation"),
        {
            "day": window.day,
            "dimensions": list(settings.allocation.dimensions),
        },
    )
    adoptions = read_adoptions(connection, window, settings.allocation.incumbent_days)
    evidence = evidence.merge(adoptions, on=["dimension", "value"], how="left")
    # by code point, whatever the server's collation
    evidence = evidence.sort_values(["dimension", "value"], ignore_index=True)
    daily = read_daily(connection, window, settings)
    pivots = [
        pivot[:2]
        for pivot in read_pivots(
            connection, window, settings.allocation.window_days, settings.health.episode_days
        )
    ]
    shares = allocate(evidence, daily, pivots, window.as_of, settings.allocation)
    write_frame(connection, STAGE.writes, shares, day=window.day, as_of=window.as_of)
    if window.is_newest:
        connection.execute(
            sa.text(read_sql("stages/strategy_allocation_live")),
            {
                "day": window.day,
                "as_of": window.as_of,
                "paused_after_days": settings.allocation.paused_after_days,
            },
        )
    return len(shares)


def read_daily(connection: sa.Connection, window: Window, settings: Settings) -> pd.DataFrame:
    """What the arms brought day by day: of each metric with a weight, and of visits where they stand in."""
    rule = settings.allocation

    def read(metrics: list[str]) -> pd.DataFrame:
        parameters = {
            "first_day": window.first_day(rule.window_days),
            "day": window.day,
            "dimensions": list(rule.dimensions),
            "metrics": metrics,
        }
        return read_frame(connection, read_sql("stages/strategy_allocation_daily"), parameters)

    daily = read([column for metric, column in COLUMNS.items() if rule.weights[metric] > 0])
    followers = daily[daily["metric"] == FOLLOWERS.column]
    if rule.weights[VISITS.name] == 0 and is_sparse(followers, rule.sparse_positives):
        daily = pd.concat([daily, read([VISITS.column])], ignore_index=True)
    return daily


STAGE = Stage(
    name="strategy_allocation",
    group="decisions",
    compute=allocate_strategies,
    reads=[
        Read("daily_rollup", load_settings().allocation.window_days),
        Read("reply_performance_analytics"),
    ],
    external=["experiment_decisions", "pivot_decisions"],
    table="strategy_allocation_history",
    kinds=frozenset({"postgres", "python"}),
)
asset = stage_asset(
    STAGE,
    "The share of each value of a dimension (tier, size, timing, generator, query, format, hour). What a "
    "value brings is followed over 120 days, with drift; the likeliest best gets all but its rivals' chance "
    "and at least a tenth to explore, three tenths in a pivot. An adopted treatment is incumbent for 14 "
    "days. History by day; the newest day alone moves the live table strategy_allocation. The rule 'seed' "
    "draws by Thompson: 70% to the first, 20% to the second, 10% over the rest.",
)

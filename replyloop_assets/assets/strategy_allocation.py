"""How effort is shared: the values of each dimension, by what they brought day by day."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from replyloop_assets.assets.stage import Stage, stage_asset
from replyloop_assets.learning.allocation.doubt import BEFORE_DAYS, doubts
from replyloop_assets.learning.allocation.evidence import is_sparse
from replyloop_assets.learning.allocation.rules import rule_of
from replyloop_assets.learning.allocation.shares import allocate, in_pivot
from replyloop_assets.learning.lazily import pd
from replyloop_assets.learning.metrics import COLUMNS, FOLLOWERS, VISITS
from replyloop_assets.partitions import Window
from replyloop_assets.settings import Settings, load_settings
from replyloop_assets.warehouse.adoptions import read_adoptions
from replyloop_assets.warehouse.filling import Read
from replyloop_assets.warehouse.frames import read_frame, write_frame
from replyloop_assets.warehouse.pivots import Pivot, read_pivots
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
    pivots = read_pivots(connection, window, settings.allocation.window_days, settings.health.episode_days)
    shares = allocate(
        evidence,
        daily,
        [pivot[:2] for pivot in pivots],
        window.as_of,
        settings.allocation,
        read_doubts(connection, window, settings, pivots),
    )
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


def read_doubts(
    connection: sa.Connection, window: Window, settings: Settings, pivots: Sequence[Pivot]
) -> dict[str, float]:
    """How doubtful the change behind an open pivot has made each dimension: nothing of any without one.

    Whoever asks is told the same: no more is read than lies in the window of each.
    """
    rule = settings.allocation
    opened = [one for one in pivots if in_pivot(one.opened_at, one.closed_at, window.as_of)]
    if not opened or rule.pivot_spread == "even" or not rule_of(rule).follows_doubt:
        return {}
    since = (window.day - opened[-1].drop_began_on).days
    most = min(rule.window_days, settings.generators.window_days)
    parameters = {
        "first_day": window.first_day(min(most, since + BEFORE_DAYS + 1)),
        "day": window.day,
        "dimensions": list(rule.dimensions),
        "metrics": [FOLLOWERS.column],
    }
    return doubts(read_frame(connection, read_sql("stages/strategy_allocation_daily"), parameters), since)


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

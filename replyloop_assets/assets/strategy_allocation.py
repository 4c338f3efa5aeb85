"""How effort is shared: the values of each dimension, by what they brought day by day."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sqlalchemy as sa

from replyloop_assets.assets.stage import Stage, stage_asset
from replyloop_assets.learning.allocation.doubt import BEFORE_DAYS, doubts
from replyloop_assets.learning.allocation.families import Asked, in_pivot
from replyloop_assets.learning.allocation.rules import rule_of
from replyloop_assets.learning.allocation.shares import allocate
from replyloop_assets.learning.lazily import pd
from replyloop_assets.learning.metrics import FOLLOWERS, METRICS, VISITS
from replyloop_assets.partitions import Window
from replyloop_assets.settings import Settings, load_settings
from replyloop_assets.warehouse.adoptions import read_adoptions
from replyloop_assets.warehouse.daily_sums import read_daily_sums
from replyloop_assets.warehouse.filling import Read
from replyloop_assets.warehouse.frames import read_frame, write_windows
from replyloop_assets.warehouse.pivots import Pivot, read_pivots
from replyloop_assets.warehouse.queries import read_sql


def allocate_strategies(
    connection: sa.Connection, windows: Sequence[Window], settings: Settings, held: Sequence[int]
) -> list[int]:
    """Decide the shares of some windows; the newest moves the live allocation."""
    rule = settings.allocation
    evidence = read_evidence(connection, windows, settings)
    first_day = windows[0].first_day(rule.window_days)
    # visits stand in where hardly any reply brings a follower
    metrics = [one for one in METRICS if rule.weights[one.name] > 0 or one is VISITS]
    daily = read_daily_sums(connection, first_day, windows[-1].day, rule.dimensions, metrics)
    pivots = read_pivots(connection, windows, rule.window_days, settings.health.episode_days)
    asked = [
        Asked(
            window.as_of,
            (window.day - first_day).days,
            [pivot[:2] for pivot in of_window],
            read_doubts(connection, window, settings, of_window),
        )
        for window, of_window in zip(windows, pivots, strict=True)
    ]
    shares = allocate(evidence, daily, asked, rule)
    rows = write_windows(connection, STAGE.writes, shares, windows)
    if windows[-1].is_newest:
        moved = {"day": windows[-1].day, "as_of": windows[-1].as_of}
        connection.execute(
            sa.text(read_sql("stages/strategy_allocation_live")),
            moved | {"paused_after_days": rule.paused_after_days},
        )
    return rows


def read_evidence(connection: sa.Connection, windows: Sequence[Window], settings: Settings) -> pd.DataFrame:
    """The arms of each window (its place is `window`), and which of them were adopted lately."""
    places = {window.day: place for place, window in enumerate(windows)}
    parameters = {"days": list(places), "dimensions": list(settings.allocation.dimensions)}
    evidence = read_frame(connection, read_sql("stages/strategy_allocation"), parameters)
    evidence["window"] = np.array([places[day] for day in evidence.pop("day")], int)
    adoptions = read_adoptions(connection, windows, settings.allocation.incumbent_days)
    keys = ["window", "dimension", "value"]
    evidence = evidence.merge(
        adoptions.rename(columns={"place": "window"}).astype({"window": int}), on=keys, how="left"
    )
    # by code point, whatever the server's collation
    return evidence.sort_values(keys, ignore_index=True)


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
    first = window.first_day(min(most, since + BEFORE_DAYS + 1))
    daily = read_daily_sums(connection, first, window.day, rule.dimensions, [FOLLOWERS])
    # sums of logarithms are added in the order of values and days
    return doubts(daily.sort_values(["dimension", "value", "day"]), (window.day - first).days, since)


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

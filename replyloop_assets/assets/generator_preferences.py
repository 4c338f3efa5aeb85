"""Who writes the reply to an account: its distribution over generators, pooled over all accounts."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from replyloop_assets.assets.stage import Stage, stage_asset
from replyloop_assets.assets.strategy_allocation import read_doubts
from replyloop_assets.learning.allocation.doubt import widened
from replyloop_assets.learning.allocation.evidence import steady_days
from replyloop_assets.learning.allocation.families import Asked, in_pivot
from replyloop_assets.learning.generators.cells import Span, merge_cells
from replyloop_assets.learning.generators.preferences import prefer_generators
from replyloop_assets.learning.generators.rules import rule_of
from replyloop_assets.learning.metrics import FOLLOWERS
from replyloop_assets.partitions import Window
from replyloop_assets.settings import Settings, load_settings
from replyloop_assets.warehouse.adoptions import read_adoptions
from replyloop_assets.warehouse.daily_sums import read_daily_sums
from replyloop_assets.warehouse.filling import Read
from replyloop_assets.warehouse.frames import write_windows
from replyloop_assets.warehouse.pivots import Pivot, read_pivots
from replyloop_assets.warehouse.queries import read_sql

PAIR, GENERATOR = "account_generator", "generator"


def choose_generators(
    connection: sa.Connection, windows: Sequence[Window], settings: Settings, held: Sequence[int]
) -> list[int]:
    """Decide the distributions of some windows; the newest moves the live preferences."""
    rule = settings.generators
    first = windows[0].first_day(rule.window_days)
    daily = read_daily_sums(connection, first, windows[-1].day, [GENERATOR, PAIR], [FOLLOWERS])
    pairs, generators = (daily[daily["dimension"] == name] for name in (PAIR, GENERATOR))
    episodes = settings.health.episode_days
    pivots = read_pivots(connection, windows, settings.allocation.window_days, episodes)
    asked = [
        Asked(window.as_of, (window.day - first).days, [pivot[:2] for pivot in of_window])
        for window, of_window in zip(windows, pivots, strict=True)
    ]
    steady = [rule.window_days] * len(windows)
    if rule_of(rule).forgets:
        steady = steady_days(generators, asked, rule.window_days)
    spans = [
        Span(
            one.last + 1 - days,
            one.last,
            max(((pivot.drop_began_on - first).days for pivot in of_window), default=None),
        )
        for one, days, of_window in zip(asked, steady, pivots, strict=True)
    ]
    cells = merge_cells(pairs, generators, spans, rule_of(rule).evidence_kept(rule))
    incumbents = read_adoptions(connection, windows, settings.allocation.incumbent_days)
    incumbents = incumbents[incumbents["dimension"] == GENERATOR]
    preferred = prefer_generators(
        cells,
        rule,
        {int(place): rows for place, rows in incumbents.groupby(incumbents["place"].astype(int))},
        [
            explored(connection, window, settings, of_window)
            for window, of_window in zip(windows, pivots, strict=True)
        ],
    )
    rows = write_windows(connection, STAGE.writes, preferred, windows)
    if windows[-1].is_newest:
        connection.execute(
            sa.text(read_sql("stages/generator_preferences_live")),
            {"day": windows[-1].day, "as_of": windows[-1].as_of},
        )
    return rows


def explored(
    connection: sa.Connection, window: Window, settings: Settings, pivots: Sequence[Pivot]
) -> float | None:
    """The share that explores while a pivot is open, from 0 to 1; None where none is."""
    if not any(in_pivot(pivot.opened_at, pivot.closed_at, window.as_of) for pivot in pivots):
        return None
    usual, most = settings.generators.exploration_share, settings.allocation.pivot_exploration_share / 100
    forgets = rule_of(settings.generators).forgets
    doubt = read_doubts(connection, window, settings, pivots) if forgets else {}
    return widened(usual, most, doubt, GENERATOR)


STAGE = Stage(
    name="generator_preferences",
    group="decisions",
    compute=choose_generators,
    reads=[Read("daily_rollup", load_settings().generators.window_days)],
    external=["experiment_decisions", "pivot_decisions"],
    table="generator_preferences_history",
    kinds=frozenset({"postgres", "python"}),
)
asset = stage_asset(
    STAGE,
    "For each account, and '*' for any other, the share of each generator over the last 90 days: what a "
    "generator brings to all accounts plus its own part in this one, each believed as far as its "
    "evidence goes, never a point, and nothing from before a certain change; with the seed's bands of "
    "confidence and the reason in words. History by day; the newest day alone moves the live table "
    "generator_preferences.",
)

"""Who writes the reply to an account: its distribution over generators, pooled over all accounts."""

from collections.abc import Sequence

import sqlalchemy as sa

from replyloop_assets.assets.stage import Stage, one_by_one, stage_asset
from replyloop_assets.assets.strategy_allocation import read_doubts
from replyloop_assets.learning.allocation.doubt import widened
from replyloop_assets.learning.allocation.evidence import steady_days
from replyloop_assets.learning.allocation.families import Asked, in_pivot
from replyloop_assets.learning.generators.preferences import prefer_generators
from replyloop_assets.learning.generators.rules import rule_of
from replyloop_assets.learning.generators.settings import GeneratorSettings
from replyloop_assets.learning.metrics import FOLLOWERS
from replyloop_assets.partitions import Window
from replyloop_assets.settings import Settings, load_settings
from replyloop_assets.warehouse.adoptions import read_adoptions
from replyloop_assets.warehouse.daily_sums import read_daily_sums
from replyloop_assets.warehouse.filling import Read
from replyloop_assets.warehouse.frames import read_frame, write_frame
from replyloop_assets.warehouse.pivots import Pivot, read_pivots
from replyloop_assets.warehouse.queries import read_sql


def choose_generators(connection: sa.Connection, window: Window, settings: Settings, days_held: int) -> int:
    """Decide one window's distributions; the newest moves the live preferences."""
    episodes = settings.health.episode_days
    (pivots,) = read_pivots(connection, [window], settings.allocation.window_days, episodes)
    held = held_days(connection, window, pivots, settings.generators)
    cells = read_frame(
        connection,
        read_sql("stages/generator_preferences"),
        {
            "first_day": window.first_day(held),
            "day": window.day,
            "drop_began_on": max((pivot.drop_began_on for pivot in pivots), default=None),
            "kept": rule_of(settings.generators).evidence_kept(settings.generators),
        },
    )
    explores = None
    if any(in_pivot(pivot.opened_at, pivot.closed_at, window.as_of) for pivot in pivots):
        usual, most = settings.generators.exploration_share, settings.allocation.pivot_exploration_share / 100
        forgets = rule_of(settings.generators).forgets
        doubt = read_doubts(connection, window, settings, pivots) if forgets else {}
        explores = widened(usual, most, doubt, "generator")
    adopted = read_adoptions(connection, [window], settings.allocation.incumbent_days)
    adopted = adopted[adopted["dimension"] == "generator"]
    preferred = prefer_generators(cells, settings.generators, adopted, explores)
    write_frame(connection, STAGE.writes, preferred, day=window.day, as_of=window.as_of)
    if window.is_newest:
        connection.execute(
            sa.text(read_sql("stages/generator_preferences_live")),
            {"day": window.day, "as_of": window.as_of},
        )
    return len(preferred)


def held_days(
    connection: sa.Connection, window: Window, pivots: Sequence[Pivot], rule: GeneratorSettings
) -> int:
    """The days that still tell of the generators: the window's, or those since they certainly changed."""
    if not rule_of(rule).forgets:
        return rule.window_days
    first = window.first_day(rule.window_days)
    daily = read_daily_sums(connection, first, window.day, ["generator"], [FOLLOWERS])
    asked = Asked(window.as_of, (window.day - first).days, [pivot[:2] for pivot in pivots])
    return steady_days(daily, [asked], rule.window_days)[0]


STAGE = Stage(
    name="generator_preferences",
    group="decisions",
    compute=one_by_one(choose_generators),
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

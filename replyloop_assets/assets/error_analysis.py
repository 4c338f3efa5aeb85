"""What goes wrong: errors by category and fingerprint, how often, since when, and which grow."""

from __future__ import annotations

import sqlalchemy as sa

from replyloop_assets.assets.stage import Stage, stage_asset
from replyloop_assets.learning.incidents.alerting import notices
from replyloop_assets.learning.incidents.grouping import COLUMNS, MANY, group_errors
from replyloop_assets.learning.incidents.settings import ErrorSettings
from replyloop_assets.learning.lazily import pd
from replyloop_assets.operator.alerts import raise_alert
from replyloop_assets.partitions import Window
from replyloop_assets.settings import Settings
from replyloop_assets.warehouse.frames import read_frame, write_frame
from replyloop_assets.warehouse.queries import read_sql


def analyse_errors(connection: sa.Connection, window: Window, settings: Settings, days_held: int) -> int:
    """Group the errors of before the as-of; the newest window tells of those that are new or surge."""
    bounds = {
        "as_of": window.as_of,
        "lookback_days": settings.errors.lookback_days,
        "most_messages": settings.errors.most_messages,
        "most_characters": settings.errors.most_characters,
        "many": MANY,
    }
    told = read_frame(connection, read_sql("stages/error_analysis"), bounds)
    errors = group_errors(told, settings.errors)
    if window.is_newest:
        tell_operator(connection, window, errors, settings.errors)
    return write_frame(connection, STAGE.writes, errors[COLUMNS], day=window.day, as_of=window.as_of)


def tell_operator(
    connection: sa.Connection, window: Window, errors: pd.DataFrame, settings: ErrorSettings
) -> None:
    """Raise an alert for what is new or surges, unless it was told lately."""
    lately = {"as_of": window.as_of, "quiet_days": settings.quiet_days}
    told = read_frame(connection, read_sql("stages/error_analysis_told"), lately)
    for notice in notices(errors, set(told["alert"]), window.day, settings):
        raise_alert(connection, *notice, at=window.as_of)


STAGE = Stage(
    name="error_analysis",
    group="decisions",
    compute=analyse_errors,
    external=["system_events"],
    kinds=frozenset({"postgres", "python"}),
)
asset = stage_asset(
    STAGE,
    "The errors of system_events, failed runs among them, by category and fingerprint: what differs from "
    "case to case is folded. Occurrences of the last 7 days against the 7 before, first and last seen, the "
    "component, an example, and a trend that holds though many are tested. New and surging ones alert.",
)

"""What goes wrong: errors by category and fingerprint, how often, since when, and which grow."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby

import sqlalchemy as sa

from replyloop_assets.assets.stage import Stage, stage_asset
from replyloop_assets.learning.incidents.alerting import notices
from replyloop_assets.learning.incidents.grouping import MANY, Error, Told, group_errors
from replyloop_assets.learning.incidents.settings import ErrorSettings
from replyloop_assets.operator.alerts import raise_alert
from replyloop_assets.partitions import Window
from replyloop_assets.settings import Settings
from replyloop_assets.warehouse.engine import copy_rows
from replyloop_assets.warehouse.queries import read_sql

COLUMNS = [name for name in Error._fields if name != "came_lately"]


def analyse_errors(
    connection: sa.Connection, windows: Sequence[Window], settings: Settings, held: Sequence[int]
) -> list[int]:
    """Group the errors of before each as-of; the newest window tells of those that are new or surge."""
    found = {
        as_of: group_errors(told, settings.errors)
        for as_of, told in read_told(connection, windows, settings.errors)
    }
    errors = [found.get(window.as_of, []) for window in windows]
    for window, of_window in zip(windows, errors, strict=True):
        if window.is_newest:
            tell_operator(connection, window, of_window, settings.errors)
    rows = (
        (window.day, window.as_of, *(getattr(error, name) for name in COLUMNS))
        for window, of_window in zip(windows, errors, strict=True)
        for error in of_window
    )
    copy_rows(connection, STAGE.writes, ["day", "as_of", *COLUMNS], rows)
    return [len(of_window) for of_window in errors]


def read_told(
    connection: sa.Connection, windows: Sequence[Window], settings: ErrorSettings
) -> Iterator[tuple[datetime, list[Told]]]:
    """What was told within the lookback of each window, one after the other, so that one's fits in memory.

    The running day's as-of lies no whole days after the others, so its periods are others too.
    """
    alike = defaultdict(list)
    for as_of in sorted({window.as_of for window in windows}):  # at midnight two days have one
        alike[as_of.timetz()].append(as_of)
    for as_ofs in alike.values():
        bounds = {
            "as_ofs": as_ofs,
            "first_as_of": as_ofs[0],
            "last_as_of": as_ofs[-1],
            "lookback_days": settings.lookback_days,
            "most_messages": settings.most_messages,
            "most_characters": settings.most_characters,
            "many": MANY,
        }
        query = sa.text(read_sql("stages/error_analysis"))
        rows = connection.execute(query, bounds, execution_options={"yield_per": 1000})
        for as_of, told in groupby(rows, key=lambda row: row.as_of):
            yield as_of, [Told(*row[1:]) for row in told]


def tell_operator(
    connection: sa.Connection, window: Window, errors: Sequence[Error], settings: ErrorSettings
) -> None:
    """Raise an alert for what is new or surges, unless it was told lately."""
    lately = {"as_of": window.as_of, "quiet_days": settings.quiet_days}
    told = connection.execute(sa.text(read_sql("stages/error_analysis_told")), lately).scalars()
    for notice in notices(errors, set(told), window.day, settings):
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

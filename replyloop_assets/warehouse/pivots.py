"""The facts "a pivot was opened" and "it was closed": decisions read them, one hand writes them."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from replyloop_assets.partitions import Window, day_start
from replyloop_assets.warehouse.queries import read_sql

LOCK = sa.text("""
    SELECT
        pg_advisory_xact_lock(hashtext('replyloop_pivots')),
        pg_advisory_xact_lock(hashtext('replyloop_experiments'))
""")
ALL = sa.text("SELECT id, opened_at, closed_at FROM pivots ORDER BY opened_at")
OPEN = sa.text("""
    INSERT INTO pivots (id, episode_started_at, opened_at, opened_reason, inputs)
    VALUES (:id, :episode_started_at, :at, :reason, CAST(:inputs AS JSONB))
    ON CONFLICT DO NOTHING
""")
CLOSE = sa.text("""
    UPDATE pivots SET closed_at = :at, closed_reason = :reason WHERE id = :id AND closed_at IS NULL
""")


class Pivot(NamedTuple):
    """A pivot as decisions know it: what they learnt before its drop began is old."""

    opened_at: datetime
    closed_at: datetime | None
    drop_began_on: date


def read_pivots(
    connection: sa.Connection, windows: Sequence[Window], days: int, most_days: int
) -> list[list[Pivot]]:
    """When each pivot of each window was opened and closed, as known just before its as-of.

    One that nobody has closed is over after `most_days`.
    """
    parameters = {
        "as_ofs": [window.as_of for window in windows],
        "sinces": [day_start(window.first_day(days)) for window in windows],
        "most_days": most_days,
    }
    found: list[list[Pivot]] = [[] for _ in windows]
    for row in connection.execute(sa.text(read_sql("facts/pivots")), parameters):
        found[row.place].append(Pivot(row.opened_at, row.closed_at, row.drop_began_on))
    return found


class Recorded(NamedTuple):
    """A pivot as it was written down."""

    key: UUID
    opened_at: datetime
    closed_at: datetime | None


def read_all(connection: sa.Connection) -> list[Recorded]:
    """Every pivot so far, the newest last."""
    return [Recorded(*row) for row in connection.execute(ALL)]


def wait_for_others(connection: sa.Connection) -> None:
    """Let nobody else move a pivot or an experiment before this transaction ends; what others did is seen."""
    connection.execute(LOCK)


def open_pivot(
    connection: sa.Connection,
    key: UUID,
    episode_started_at: datetime,
    at: datetime,
    reason: str,
    inputs: Mapping[str, object],
) -> bool:
    """Record that it opened; False where one is open, or this episode had its own."""
    values = {"id": key, "episode_started_at": episode_started_at, "at": at, "reason": reason}
    values["inputs"] = json.dumps(inputs, default=str)
    return connection.execute(OPEN, values).rowcount > 0


def close_pivot(connection: sa.Connection, key: UUID, at: datetime, reason: str) -> bool:
    """Record that it closed; False where it was closed before."""
    return connection.execute(CLOSE, {"id": key, "at": at, "reason": reason}).rowcount > 0

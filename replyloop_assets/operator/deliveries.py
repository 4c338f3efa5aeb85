"""How far each alert has come on its way to the operator: who sends it, how often it was tried.

An attempt is recorded before it is made. So of two daemons one sends, and one that dies on the way has
used up its attempt; the alert is sent again.
"""

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from replyloop_assets.warehouse.queries import read_sql

MOST_ATTEMPTS = 12  # over 20 hours

DELIVERED = sa.text("""
    UPDATE alert_deliveries SET delivered_at = :at, last_error = NULL WHERE alert = :alert
""")
FAILED = sa.text("UPDATE alert_deliveries SET last_error = :problem WHERE alert = :alert")
GIVEN_UP = sa.text("""
    INSERT INTO events (event_type, event_data, severity, created_at)
    VALUES (
        'alert_undelivered',
        jsonb_build_object(
            'component', 'alerts', 'alert', CAST(:alert AS TEXT), 'message', CAST(:message AS TEXT)
        ),
        'error', :at
    )
""")


class Claimed(NamedTuple):
    """An alert that is ours to send, and which attempt this is."""

    alert: str
    severity: str
    component: str
    message: str
    attempt: int


def claim_alert(engine: sa.Engine, now: datetime) -> Claimed | None:
    """The next alert to send; None where none is due, or another took it."""
    with engine.begin() as connection:
        parameters = {"now": now, "most_attempts": MOST_ATTEMPTS}
        row = connection.execute(sa.text(read_sql("facts/claim_alert")), parameters).one_or_none()
    return None if row is None else Claimed(*row)


def record_delivery(engine: sa.Engine, claimed: Claimed, problem: str | None, now: datetime) -> None:
    """Record what came of an attempt; an alert that is given up is an event of its own."""
    with engine.begin() as connection:
        key = {"alert": claimed.alert}
        if problem is None:
            connection.execute(DELIVERED, key | {"at": now})
            return
        connection.execute(FAILED, key | {"problem": problem})
        if claimed.attempt >= MOST_ATTEMPTS:
            said = f"An alert was not delivered in {claimed.attempt} attempts, the last time as {problem}."
            connection.execute(GIVEN_UP, key | {"message": said, "at": now})

"""Alerts: what the operator should know, each an event of type 'replyloop_alert', written once."""

from datetime import datetime
from typing import Literal

import sqlalchemy as sa

Severity = Literal["info", "warning", "error", "critical"]

RAISE = sa.text("""
    INSERT INTO events (event_type, event_data, severity, created_at)
    VALUES (
        'replyloop_alert',
        jsonb_build_object(
            'alert', CAST(:key AS TEXT), 'component', CAST(:component AS TEXT),
            'message', CAST(:message AS TEXT)
        ),
        :severity, :at
    )
    ON CONFLICT DO NOTHING
""")


def raise_alert(
    connection: sa.Connection,
    key: str,
    component: str,
    message: str,
    at: datetime,
    severity: Severity = "warning",
) -> bool:
    """Tell the operator, in the caller's transaction; False where an alert of this key was told before."""
    values = {"key": key, "component": component, "message": message, "at": at, "severity": severity}
    return connection.execute(RAISE, values).rowcount > 0

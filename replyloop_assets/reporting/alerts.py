"""The alerts and whether each has reached the operator: read once, shown as text or as JSON."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from replyloop_assets.operator.deliveries import MOST_ATTEMPTS
from replyloop_assets.text import plain
from replyloop_assets.warehouse.queries import read_sql

Row = Mapping[str, Any]
Alerts = dict[str, Any]

NEWS = timedelta(hours=24)  # older ones are not sent


def read_alerts(engine: sa.Engine, has_webhook: bool, most: int, now: datetime) -> Alerts:
    """Everything `replyloop alerts` says, as plain values, the newest first."""
    with engine.connect() as connection:
        found = connection.execute(sa.text(read_sql("reports/alerts")), {"most": most})
        rows = [dict(row) for row in found.mappings()]
    alerts = [{**row, "delivery": delivery(row, has_webhook, now)} for row in rows]
    return {"webhook": has_webhook, "alerts": alerts}


def delivery(row: Row, has_webhook: bool, now: datetime) -> str:
    """How far an alert has come, in words."""
    if row["delivered_at"]:
        return f"delivered {row['delivered_at']:%Y-%m-%d %H:%M} UTC"
    times = f"{row['attempts']} attempt{'s' * (row['attempts'] != 1)}"
    if row["attempts"] >= MOST_ATTEMPTS:
        return f"given up after {times}: {row['last_error']}"
    if not has_webhook:
        return "not sent: no webhook is set"
    if row["attempts"]:
        return f"not delivered yet, after {times}: {row['last_error'] or 'no answer was recorded'}"
    return "waits" if row["created_at"] >= now - NEWS else "not sent: too old when a webhook was set"


def render_alerts(answer: Alerts) -> str:
    """The alerts for a person, two lines each."""
    if not answer["alerts"]:
        return "There was no alert yet."
    return "\n".join(
        f"{row['created_at']:%Y-%m-%d %H:%M} UTC  {plain(row['severity'])}: {plain(row['component'])}: "
        f"{plain(row['message'], None)}\n    {row['delivery']}"
        for row in answer["alerts"]
    )

"""What the operator is told of health: that an alarm began and ended, and what has fallen silent.

In the transaction of the verdict. A drop is told once, though late data move the day of its alarm, and so is
a silence, though late facts move its beginning.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from replyloop_assets.learning.health.rules import RULES
from replyloop_assets.learning.health.settings import HealthSettings
from replyloop_assets.learning.health.silence import Silence, explain_silence
from replyloop_assets.operator.alerts import raise_alert
from replyloop_assets.partitions import Window

Verdict = Mapping[str, Any]
COMPONENT = "health"
SAME_EPISODE = timedelta(days=14)  # an alarm that begins so soon after one that was told is that one, moved
TOLD_AGAIN = timedelta(days=7)  # that an ingestion fails

NEWEST = sa.text("""
    SELECT event_data ->> 'alert' AS alert, created_at
    FROM events
    WHERE event_type = 'replyloop_alert' AND starts_with(event_data ->> 'alert', :prefix)
    ORDER BY created_at DESC, alert DESC
    LIMIT 1
""")


def raise_health_alerts(
    connection: sa.Connection,
    window: Window,
    verdict: Verdict,
    silences: Iterable[Silence],
    settings: HealthSettings,
) -> None:
    """Tell what is new in a verdict on the running day; a past window tells nothing."""
    if not window.is_newest:
        return
    for silence in silences:
        # the first refusal of a day is another every day
        since = window.as_of - TOLD_AGAIN if silence.refused else silence.since
        if not told_since(connection, f"silent/{silence.kind}/", since):
            key = f"silent/{silence.kind}/{silence.since.isoformat()}"
            raise_alert(connection, key, COMPONENT, explain_silence([silence]), window.as_of)
    last, started = newest(connection, "degraded/"), verdict["episode_started_at"]
    ended = last and newest(connection, last.alert.replace("degraded/", "recovered/"))
    if verdict["status"] == "degraded" and (
        last is None or ended or last.created_at < started - SAME_EPISODE
    ):
        key = f"degraded/{started:%Y-%m-%d}"
        raise_alert(connection, key, COMPONENT, verdict["reason"], window.as_of)
    if last and RULES[verdict["rule"]].has_recovered(verdict["status"], verdict["degradation"], settings):
        day = last.alert.removeprefix("degraded/")
        said = f"The alarm that was raised on {day} is over. {verdict['reason']}"
        raise_alert(connection, f"recovered/{day}", COMPONENT, said, window.as_of, "info")


def told_since(connection: sa.Connection, prefix: str, since: datetime) -> bool:
    """Whether the newest alert of a kind is younger."""
    last = newest(connection, prefix)
    return last is not None and last.created_at >= since


def newest(connection: sa.Connection, prefix: str) -> sa.Row[Any] | None:
    """The newest alert of a kind: its key, and when it was raised."""
    return connection.execute(NEWEST, {"prefix": prefix}).one_or_none()

"""The sensor that tells the operator: it sees schedules that no longer turn, and sends what is unsent."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import dagster as dg
import sqlalchemy as sa

from replyloop_assets.assets.stage import Runtime
from replyloop_assets.automation.staleness import Stale, find_stale
from replyloop_assets.operator.alerts import raise_alert
from replyloop_assets.operator.deliveries import claim_alert, record_delivery
from replyloop_assets.operator.webhook import Answer, message, post
from replyloop_assets.settings import load_settings

LAPSE = timedelta(minutes=10)  # between two ticks: nobody watched meanwhile
BUDGET_S = 20  # of the 60 that a tick has


@dataclass(frozen=True)
class Watch:
    """The cursor: since when, and when last, somebody looked; until when the receiver is left alone."""

    since: datetime
    seen: datetime
    quiet_until: datetime | None = None

    @classmethod
    def resume(cls, cursor: str | None, now: datetime) -> "Watch":
        """Go on where the cursor stands; after a lapse the loop has just come up, and begins to watch."""
        try:
            kept = json.loads(cursor or "")
            since, seen = datetime.fromisoformat(kept["since"]), datetime.fromisoformat(kept["seen"])
            quiet = kept["quiet_until"] and datetime.fromisoformat(kept["quiet_until"])
        except (ValueError, KeyError, TypeError):
            return cls(now, now)
        return cls(since if now - seen <= LAPSE else now, now, quiet)

    def cursor(self) -> str:
        """As text."""
        return json.dumps(asdict(self), default=str)


@dg.sensor(
    name="alert_sensor",
    minimum_interval_seconds=60,
    description="Raises an alert where a schedule no longer turns its stages, and sends every alert to the "
    "webhook, if one is set. It launches no run.",
    default_status=(
        dg.DefaultSensorStatus.RUNNING if load_settings().automation else dg.DefaultSensorStatus.STOPPED
    ),
)
def alert_sensor(context: dg.SensorEvaluationContext, runtime: dg.ResourceParam[Runtime]) -> dg.SkipReason:
    """Look, raise, send; what could not be sent is sent later."""
    now = runtime.now()
    watch = Watch.resume(context.cursor, now)
    stale = find_stale(runtime.engine, now, runtime.settings.features, watch.since)
    raised = raise_stale(runtime.engine, stale, now)
    said, wait = deliver(runtime, watch.quiet_until)
    if wait:
        watch = Watch(watch.since, watch.seen, now + wait)
    context.update_cursor(watch.cursor())
    return dg.SkipReason(f"Schedules that stand still: {raised}. {said}" if raised else said)


def raise_stale(engine: sa.Engine, stale: Sequence[Stale], now: datetime) -> int:
    """One alert for each cadence that stands still, told once; returns how many are new."""
    with engine.begin() as connection:
        return sum(
            raise_alert(
                connection,
                f"stale/{one.cadence}/{one.since.isoformat() if one.since else 'never'}",
                one.cadence,
                f"{one}: the schedule {one.cadence} missed {', '.join(one.stages)} twice or more.",
                now,
            )
            for one in stale
        )


def deliver(runtime: Runtime, quiet_until: datetime | None) -> tuple[str, timedelta | None]:
    """Send what is due, one after the other; returns what came of it, and a pause the receiver asks for.

    The first failure ends it: the others are not tried on a receiver that is down.
    """
    url, now = runtime.settings.alert_webhook_url, runtime.now()
    if url is None:
        return "No webhook is set: alerts stay in system_events.", None
    if quiet_until and now < quiet_until:
        return f"The receiver asked to be left alone until {quiet_until:%H:%M:%S} UTC.", None
    sent, answer, began = 0, Answer(None), time.monotonic()
    while time.monotonic() - began < BUDGET_S and (claimed := claim_alert(runtime.engine, now)):
        answer = post(url, message(claimed.severity, claimed.component, claimed.message))
        record_delivery(runtime.engine, claimed, answer.problem, now)
        if answer.problem:
            break
        sent += 1
    said = f"Alerts delivered: {sent}." if sent else "No alert waits."
    if answer.problem:
        said = f"Alerts delivered: {sent}; the next could not be: {answer.problem}."
    return said, None if answer.wait_s is None else timedelta(seconds=answer.wait_s)

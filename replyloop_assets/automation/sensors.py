"""When the loop reacts: what is not on the clock."""

from datetime import UTC, datetime

import dagster as dg
import sqlalchemy as sa

from replyloop_assets.assets import REACH, STAGES
from replyloop_assets.assets.stage import Runtime
from replyloop_assets.automation.alerting import alert_sensor
from replyloop_assets.automation.pivoting import pivot_sensor
from replyloop_assets.automation.schedules import job_for, range_tags, switched_on
from replyloop_assets.settings import load_settings
from replyloop_assets.warehouse.open_days import reopen_late_days

EVER = datetime(1970, 1, 1, tzinfo=UTC)
SENSOR_STATUS = (
    dg.DefaultSensorStatus.RUNNING if load_settings().automation else dg.DefaultSensorStatus.STOPPED
)
RECORD = sa.text("""
    INSERT INTO events (event_type, event_data, severity)
    SELECT
        'run_failure',
        jsonb_build_object(
            'component', CAST(:job AS TEXT), 'run_id', CAST(:run_id AS TEXT),
            'message', CAST(:message AS TEXT)
        ),
        'error'
    WHERE NOT EXISTS (
        SELECT FROM events
        WHERE event_type = 'run_failure' AND event_data ->> 'run_id' = :run_id
    )
""")


@dg.run_failure_sensor(
    name="run_failure_to_system_events",
    description="Writes each failed run into system_events, once.",
    default_status=SENSOR_STATUS,
)
def run_failure_to_system_events(
    context: dg.RunFailureSensorContext, runtime: dg.ResourceParam[Runtime]
) -> None:
    """Record the failed run and the deepest message of its first failed step."""
    failures = context.get_step_failure_events()
    message = context.failure_event.message
    if failures and (error := failures[0].step_failure_data.error):
        while error.cause:
            error = error.cause
        message = error.message
    with runtime.engine.begin() as connection:
        connection.execute(
            RECORD,
            {
                "job": context.dagster_run.job_name,
                "run_id": context.dagster_run.run_id,
                "message": str(message).strip(),
            },
        )


LATE_JOB = job_for(
    "late_facts",
    switched_on([stage for stage in STAGES if stage.name in REACH], load_settings().features),
    "Closed days again, as one range, after facts that came too late for them.",
)


@dg.sensor(
    name="late_facts_sensor",
    job=LATE_JOB,
    minimum_interval_seconds=60,
    description="Opens the closed days that a late fact belongs to, and every closed day whose window "
    "holds one of them, and fills them again as one range.",
    default_status=SENSOR_STATUS,
)
def late_facts_sensor(
    context: dg.SensorEvaluationContext, runtime: dg.ResourceParam[Runtime]
) -> dg.SensorResult | dg.SkipReason:
    """Look at what was recorded since the cursor, the oldest first, as far as one look goes.

    A day once opened stays open until it is filled, so a run that fails is made up for by the next turn
    of the schedules, and a lost cursor only looks again at what is already in.
    """
    since = datetime.fromisoformat(context.cursor) if context.cursor else EVER
    first, last, newest = reopen_late_days(
        runtime.engine,
        since,
        REACH,
        runtime.settings.horizon,
        runtime.settings.grace,
    )
    context.update_cursor(newest.isoformat())
    if first is None or last is None:
        return dg.SkipReason("No fact came too late for a closed day.")
    return dg.SensorResult([dg.RunRequest(tags=range_tags(first.isoformat(), last.isoformat()))])


SENSORS = [run_failure_to_system_events, late_facts_sensor, alert_sensor]
if load_settings().features.health and load_settings().features.pivots:
    SENSORS.append(pivot_sensor)

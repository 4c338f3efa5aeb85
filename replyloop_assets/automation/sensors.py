"""When the loop reacts: what is not on the clock."""

import dagster as dg
import sqlalchemy as sa

from replyloop_assets.assets.stage import Runtime
from replyloop_assets.settings import load_settings

RECORD = sa.text("""
    INSERT INTO system_events (event_type, event_data, severity)
    SELECT
        'run_failure',
        jsonb_build_object(
            'component', CAST(:job AS TEXT), 'run_id', CAST(:run_id AS TEXT),
            'message', CAST(:message AS TEXT)
        ),
        'error'
    WHERE NOT EXISTS (
        SELECT FROM system_events
        WHERE event_type = 'run_failure' AND event_data ->> 'run_id' = :run_id
    )
""")


@dg.run_failure_sensor(
    name="run_failure_to_system_events",
    description="Writes each failed run into system_events, once.",
    default_status=(
        dg.DefaultSensorStatus.RUNNING if load_settings().automation else dg.DefaultSensorStatus.STOPPED
    ),
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


SENSORS = [run_failure_to_system_events]

"""The project's own graph with the pivot sensor alone, which looks every second and retries at once."""

from datetime import timedelta

import dagster as dg

from replyloop_assets.assets import ASSETS
from replyloop_assets.automation import pivoting
from replyloop_assets.definitions import runtime

pivoting.FIRST_RETRY = timedelta(seconds=1)


@dg.sensor(
    name="pivot_sensor",
    jobs=[pivoting.PIVOT_JOB, pivoting.REACT_JOB],
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
    required_resource_keys={"runtime"},
)
def hasty_sensor(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """What the project's sensor says."""
    return pivoting.pivot_sensor(context)  # type: ignore[return-value]


defs = dg.Definitions(
    assets=ASSETS,
    sensors=[hasty_sensor],
    resources={"runtime": runtime},
    executor=dg.in_process_executor,
)

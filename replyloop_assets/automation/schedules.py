"""When the loop turns: cadences in UTC, and the range of days that each turn fills."""

from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

from replyloop_assets.assets import STAGES
from replyloop_assets.assets.stage import Runtime, Stage
from replyloop_assets.partitions import today
from replyloop_assets.settings import Features, load_settings
from replyloop_assets.warehouse.windows import first_fact_day, first_open_day

FACTS = [stage for stage in STAGES if stage.group == "facts"]
COMPONENTS = {
    "strategy_allocation": "allocation",
    "experiment_results": "experiments",
    "health_status": "health",
}


@dataclass(frozen=True)
class Cadence:
    """A job and how often it runs. A stage whose component is switched off is left out."""

    name: str
    cron: str
    stages: Sequence[Stage]
    description: str


CADENCES = (
    Cadence("outcomes", "*/10 * * * *", FACTS, "Facts: classified, matured and rolled up."),
    Cadence(
        "chain",
        "0 */6 * * *",
        [stage for stage in STAGES if stage.name != "experiment_results"],
        "The whole chain, from the first day not yet closed to the running day.",
    ),
    Cadence(
        "experiments",
        "20 0 * * *",
        [*FACTS, *(stage for stage in STAGES if stage.name == "experiment_results")],
        "The daily look at the running experiments, once the day before has closed.",
    ),
)


def switched_on(stages: Sequence[Stage], features: Features) -> list[Stage]:
    """The stages without those whose component is off."""
    return [
        stage for stage in stages if stage.name not in COMPONENTS or getattr(features, COMPONENTS[stage.name])
    ]


def open_range(runtime: Runtime, stages: Sequence[Stage]) -> tuple[str, str]:
    """The partitions from the first day not yet closed to the running day."""
    running = today(runtime.now())
    first = first_fact_day(runtime.engine) or running
    since = min(max(first, runtime.settings.history_start), running)
    start = first_open_day(runtime.engine, [stage.name for stage in stages], since, running)
    return start.isoformat(), running.isoformat()


def schedule_for(
    cadence: Cadence,
) -> tuple[dg.ScheduleDefinition, "dg.UnresolvedAssetJobDefinition"]:
    """The job of a cadence and the schedule that asks for it."""
    settings = load_settings()
    stages = switched_on(cadence.stages, settings.features)
    job = dg.define_asset_job(
        cadence.name,
        selection=dg.AssetSelection.assets(*(stage.name for stage in stages)),
        description=cadence.description,
    )

    @dg.schedule(
        name=f"{cadence.name}_schedule",
        job=job,
        cron_schedule=cadence.cron,
        execution_timezone="UTC",
        description=cadence.description,
        default_status=(
            dg.DefaultScheduleStatus.RUNNING if settings.automation else dg.DefaultScheduleStatus.STOPPED
        ),
    )
    def turn(context: dg.ScheduleEvaluationContext, runtime: dg.ResourceParam[Runtime]) -> dg.RunRequest:
        start, end = open_range(runtime, stages)
        return dg.RunRequest(
            run_key=f"{context.scheduled_execution_time:%Y-%m-%dT%H:%M}",
            tags={
                "dagster/asset_partition_range_start": start,
                "dagster/asset_partition_range_end": end,
            },
        )

    return turn, job


_WIRED = [
    schedule_for(cadence) for cadence in CADENCES if switched_on(cadence.stages, load_settings().features)
]
SCHEDULES = [schedule for schedule, _ in _WIRED]
JOBS = [job for _, job in _WIRED]

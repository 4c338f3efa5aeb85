"""When the loop turns: cadences in UTC, and the range of days that each turn fills."""

from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from replyloop_assets.assets import STAGES
from replyloop_assets.assets.stage import Runtime, Stage
from replyloop_assets.partitions import today
from replyloop_assets.settings import Features, load_settings
from replyloop_assets.warehouse.filling import Read
from replyloop_assets.warehouse.open_days import first_fact_day, first_open_day

FACTS = [stage for stage in STAGES if stage.group == "facts"]
COMPONENTS = {
    "generator_preferences": "generator_choice",
    "strategy_allocation": "allocation",
    "policy_evaluation": "allocation",
    "search_plan": "adaptive_plan",
    "experiment_results": "experiments",
    "health_status": "health",
    "error_analysis": "error_analysis",
}


@dataclass(frozen=True)
class Cadence:
    """A job and how often it runs; not at all where its feature is switched off."""

    name: str
    cron: str
    stages: Sequence[Stage]
    description: str
    feature: str = ""


CADENCES = (
    Cadence("outcomes", "*/10 * * * *", FACTS, "Facts: classified, matured and rolled up."),
    Cadence(
        "chain",
        "0 */6 * * *",
        [stage for stage in STAGES if stage.name not in ("experiment_results", "error_analysis")],
        "The whole chain, from the first day not yet closed to the running day.",
    ),
    Cadence(
        "experiments",
        "20 0 * * *",
        # not the facts before it: filled again, they would open the day for the chain, and so on for ever;
        # but the verdict that reads it, for the chain left that day open
        [stage for stage in STAGES if stage.name in ("experiment_results", "health_status")],
        "The daily look at the experiments, once the chain has closed the day before, and health after it.",
        feature="experiments",
    ),
    Cadence(
        "errors",
        "0 2-23/6 * * *",
        [stage for stage in STAGES if stage.name == "error_analysis"],
        "Errors by category and fingerprint, with their trends.",
        feature="error_analysis",
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
    start = first_open_day(runtime.engine, kept_reads(stages, runtime.settings.features), since, running)
    return start.isoformat(), running.isoformat()


def kept_reads(stages: Sequence[Stage], features: Features) -> dict[str, list[Read]]:
    """What these stages read of stages that are on: a day that one which is off left open stays open."""
    on = {stage.name for stage in switched_on(STAGES, features)}
    return {stage.name: [read for read in stage.reads if read.stage in on] for stage in stages}


def range_tags(first: str, last: str) -> dict[str, str]:
    """The tags that make one run fill a whole range of partitions."""
    return {
        "dagster/asset_partition_range_start": first,
        "dagster/asset_partition_range_end": last,
    }


def job_for(name: str, stages: Sequence[Stage], description: str) -> UnresolvedAssetJobDefinition:
    """A job over some stages of the chain."""
    selection = dg.AssetSelection.assets(*(stage.name for stage in stages))
    return dg.define_asset_job(name, selection=selection, description=description)


def schedule_for(cadence: Cadence, stages: Sequence[Stage]) -> dg.ScheduleDefinition:
    """The schedule that turns the stages of a cadence."""

    @dg.schedule(
        name=f"{cadence.name}_schedule",
        job=job_for(cadence.name, stages, cadence.description),
        cron_schedule=cadence.cron,
        execution_timezone="UTC",
        description=cadence.description,
        default_status=(
            dg.DefaultScheduleStatus.RUNNING
            if load_settings().automation
            else dg.DefaultScheduleStatus.STOPPED
        ),
    )
    def turn(context: dg.ScheduleEvaluationContext, runtime: dg.ResourceParam[Runtime]) -> dg.RunRequest:
        return dg.RunRequest(
            run_key=f"{context.scheduled_execution_time:%Y-%m-%dT%H:%M}",
            tags=range_tags(*open_range(runtime, stages)),
        )

    return turn


SCHEDULES = [
    schedule_for(cadence, switched_on(cadence.stages, load_settings().features))
    for cadence in CADENCES
    if not cadence.feature or getattr(load_settings().features, cadence.feature)
]

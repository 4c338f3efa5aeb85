"""Fills a range of days in this process, in one Dagster run: what `replyloop materialize` does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import dagster as dg
import sqlalchemy as sa

from replyloop_assets.assets import ASSETS, STAGES
from replyloop_assets.assets.stage import Runtime, Stage
from replyloop_assets.automation.instance import PROCESS_TAG, process_mark
from replyloop_assets.automation.schedules import FACTS, kept_reads, range_tags, switched_on
from replyloop_assets.errors import ReplyloopError
from replyloop_assets.partitions import days_between, today
from replyloop_assets.warehouse.filling import Read
from replyloop_assets.warehouse.open_days import first_fact_day, first_open_day

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Plan:
    """The runs of a backfill: the days asked for, and the days before them that their windows hold."""

    stages: Sequence[Stage]
    first: date
    last: date
    widened_from: date

    @property
    def behind(self) -> list[Stage]:
        """The stages whose days before the range its windows hold: facts, and what is read over a window."""
        held = {read.stage for stage in self.stages for read in stage.reads if read.days > 1}
        return [stage for stage in self.stages if stage in FACTS or stage.name in held]

    @property
    def steps(self) -> int:
        """How many days of stages will be filled in all."""
        widened = len(days_between(self.widened_from, self.first - timedelta(days=1)))
        return widened * len(self.behind) + len(days_between(self.first, self.last)) * len(self.stages)


def plan_backfill(runtime: Runtime, first: date | None, last: date | None) -> Plan:
    """Settle the range: by default from the first fact to the running day.

    Raises:
        ReplyloopError: the range is empty, or lies outside the partitions.
    """
    start, running = runtime.settings.history_start, today(runtime.now())
    earliest = first_fact_day(runtime.engine)
    for option, day in (("--from", first), ("--to", last)):
        if day is not None and day > running:
            raise ReplyloopError(f"{option} {day} has not begun: the running day is {running} (UTC).")
        if day is not None and day < start:
            raise ReplyloopError(
                f"The history starts on {start}: choose a later {option}, or set REPLYLOOP_HISTORY_START."
            )
    last = running if last is None else last
    first = min(max(earliest or running, start), last) if first is None else first
    if first > last:
        raise ReplyloopError(f"--from {first} comes after --to {last}: exchange them.")
    stages = switched_on(STAGES, runtime.settings.features)
    reads = kept_reads(stages, runtime.settings.features)
    since = max(first - timedelta(days=depth(reads) - 1), start, min(earliest or first, first))
    plan = Plan(stages, first, last, since)
    of_behind = {stage.name: reads[stage.name] for stage in plan.behind}
    return replace(plan, widened_from=first_open_day(runtime.engine, of_behind, since, first))


def depth(reads: Mapping[str, Sequence[Read]]) -> int:
    """On how many days of rows the deepest of the stages rests, through everything upstream of it."""
    days: dict[str, int] = {}
    for stage, of in reads.items():
        days[stage] = max([1, *(read.days + days[read.stage] - 1 for read in of if read.days > 0)])
    return max(days.values())


def run_backfill(plan: Plan, runtime: Runtime, instance: dg.DagsterInstance) -> list[str]:
    """Fill the plan's days; returns the days that could not be computed, each with its reason.

    Raises:
        ReplyloopError: a stage could compute no day at all.
    """
    if plan.widened_from < plan.first:
        materialize(plan.behind, plan.widened_from, plan.first - timedelta(days=1), runtime, instance)
    materialize(plan.stages, plan.first, plan.last, runtime, instance)
    query = """
        SELECT stage || ' of ' || day || ': ' || reason FROM stage_failures
        WHERE day BETWEEN :first AND :last
        ORDER BY day, stage
    """
    with runtime.engine.connect() as connection:
        return list(
            connection.execute(sa.text(query), {"first": plan.widened_from, "last": plan.last}).scalars()
        )


def materialize(
    stages: Sequence[Stage], first: date, last: date, runtime: Runtime, instance: dg.DagsterInstance
) -> None:
    """One Dagster run of the stages over a range of days."""
    result = dg.materialize(
        ASSETS,
        selection=dg.AssetSelection.assets(*(stage.name for stage in stages)),
        instance=instance,
        resources={"runtime": runtime},
        run_config=QUIET,
        tags=range_tags(first.isoformat(), last.isoformat()) | {PROCESS_TAG: process_mark()},
        raise_on_error=False,
    )
    if not result.success:
        failed = [event for event in result.all_events if event.is_step_failure]
        error = failed[0].step_failure_data.error if failed else None
        if error and "Interrupted" in (error.cls_name or ""):
            raise KeyboardInterrupt
        why = error.message.strip().splitlines()[0] if error else "see the run in the Dagster UI"
        raise ReplyloopError(
            f"{failed[0].step_key if failed else 'The run'} failed ({why}); the days before it are "
            "as they should be, and the same command goes on from there."
        )

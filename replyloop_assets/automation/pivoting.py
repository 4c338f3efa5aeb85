"""The sensor that triggers pivots: it reads the newest verdict and launches what is due, once.

It keeps no cursor: what is due follows from the facts alone, so a lost storage launches nothing twice. A
run that failed is tried again, later each time; whoever runs twice finds nothing left to do.
"""

from datetime import datetime, timedelta

import dagster as dg
import sqlalchemy as sa

from replyloop_assets.assets import STAGES
from replyloop_assets.assets.pivots import due_move, newest_verdict
from replyloop_assets.assets.stage import Runtime
from replyloop_assets.automation.schedules import job_for, range_tags, switched_on
from replyloop_assets.partitions import today
from replyloop_assets.settings import load_settings
from replyloop_assets.warehouse.pivots import read_all

DUE_TAG = "replyloop/due"
LOST_AFTER = timedelta(minutes=5)  # a run that takes seconds and has not ended by then never will
FIRST_RETRY, LAST_RETRY = timedelta(minutes=1), timedelta(hours=6)

PIVOT_JOB = dg.define_asset_job(
    "pivot",
    selection=dg.AssetSelection.assets("pivots"),
    description="Opens or closes a pivot, where that is due.",
)
REACTING = [
    stage
    for stage in switched_on(STAGES, load_settings().features)
    if stage.name in ("generator_preferences", "strategy_allocation", "search_plan")
]
REACT_JOB = job_for(
    "after_pivot", REACTING, "What a pivot changes, decided anew for the running day at once."
)

UNHEARD = sa.text("""
    SELECT max(moved.at)
    FROM pivots
    CROSS JOIN LATERAL (VALUES (pivots.opened_at), (pivots.closed_at)) AS moved (at)
    -- before the chain has turned on this day there is nothing to decide anew from: it will hear of it then
    WHERE moved.at >= (SELECT min(as_of) FROM stage_days WHERE stage = ANY(:stages) AND day = :today)
""")


@dg.sensor(
    name="pivot_sensor",
    jobs=[PIVOT_JOB, REACT_JOB],
    minimum_interval_seconds=60,
    description="Opens one pivot for each episode of degradation that is sure enough, closes it when it is "
    "over, and has what it changes decided anew at once.",
    default_status=(
        dg.DefaultSensorStatus.RUNNING if load_settings().automation else dg.DefaultSensorStatus.STOPPED
    ),
)
def pivot_sensor(
    context: dg.SensorEvaluationContext, runtime: dg.ResourceParam[Runtime]
) -> dg.RunRequest | dg.SkipReason:
    """Ask for the one run that is due, if any."""
    now = runtime.now()
    with runtime.engine.connect() as connection:
        verdict, pivots = newest_verdict(connection), read_all(connection)
        unheard = unheard_move(connection, now)
    move = due_move(verdict, pivots, now, runtime.settings)
    if not isinstance(move, str):
        what = verdict["episode_started_at"] if verdict and move.what == "open" else pivots[-1].opened_at
        return ask(context.instance, PIVOT_JOB.name, f"{move.what}/{what.isoformat()}", now, {})
    if unheard and REACTING:
        running = today(now).isoformat()
        due = f"react/{unheard.isoformat()}"
        return ask(context.instance, REACT_JOB.name, due, now, range_tags(running, running))
    return dg.SkipReason(move)


def unheard_move(connection: sa.Connection, now: datetime) -> datetime | None:
    """When a pivot was opened or closed that the live decisions do not know of yet."""
    parameters = {"stages": [stage.name for stage in REACTING], "today": today(now)}
    found: datetime | None = connection.execute(UNHEARD, parameters).scalar_one()
    return found


def ask(
    instance: dg.DagsterInstance, job: str, due: str, now: datetime, tags: dict[str, str]
) -> dg.RunRequest | dg.SkipReason:
    """A run for what is due, unless one is on its way, or has failed only just now."""
    records = instance.get_run_records(dg.RunsFilter(job_name=job, tags={DUE_TAG: due}))
    if any(on_its_way(record, now) for record in records):
        return dg.SkipReason(f"A run is on its way: {due}.")
    if records:
        again = records[0].create_timestamp + min(FIRST_RETRY * 2 ** min(len(records) - 1, 20), LAST_RETRY)
        if now < again:
            return dg.SkipReason(f"Tried {len(records)} times: {due}; again at {again:%H:%M:%S} UTC.")
    return dg.RunRequest(run_key=f"{due}/{len(records)}", job_name=job, tags={DUE_TAG: due, **tags})


def on_its_way(record: dg.RunRecord, now: datetime) -> bool:
    """Whether a run waits in the queue, or has shown a sign of life lately."""
    run = record.dagster_run
    waits = run.status == dg.DagsterRunStatus.QUEUED
    return not run.is_finished and (waits or now - record.update_timestamp < LOST_AFTER)

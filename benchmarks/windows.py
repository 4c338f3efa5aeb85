"""What one window of one stage costs: the sample's 90 days, filled as `replyloop materialize` does.

Three ways in turn, three times each, on fresh databases: as the project does it (one Dagster run, pooled
connections, events in batches), as Dagster does by default, and the stages alone without Dagster. The
median of each is printed in milliseconds per window and stage, with its ratio to the first.
"""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import dagster as dg

from replyloop_assets.assets import STAGES
from replyloop_assets.assets.stage import Runtime
from replyloop_assets.automation.backfill import materialize
from replyloop_assets.automation.instance import instance_environment, open_instance
from replyloop_assets.partitions import Window, days_between
from replyloop_assets.postgres.server import Server
from replyloop_assets.postgres.throwaway import throwaway_server
from replyloop_assets.settings import load_settings
from replyloop_assets.sources.importing import import_file
from replyloop_assets.warehouse.databases import Databases
from replyloop_assets.warehouse.engine import create_engine
from replyloop_assets_tests import sample

ROUNDS = 3
DAYS = days_between(sample.FIRST_DAY, sample.LAST_DAY)


def as_the_project_does(databases: Databases, home: Path, runtime: Runtime) -> float:
    """One Dagster run over all windows; seconds, the instance's opening included."""
    began = time.perf_counter()
    with open_instance(databases, home) as instance:
        materialize(STAGES, DAYS[0], DAYS[-1], runtime, instance)
    return time.perf_counter() - began


def as_dagster_does(databases: Databases, home: Path, runtime: Runtime) -> float:
    """The same run on an instance as Dagster sets it up."""
    os.environ |= instance_environment(databases, home)
    os.environ["DAGSTER_EVENT_BATCH_SIZE"] = "0"
    began = time.perf_counter()
    with dg.DagsterInstance.get() as instance:
        materialize(STAGES, DAYS[0], DAYS[-1], runtime, instance)
    return time.perf_counter() - began


def stages_alone(databases: Databases, home: Path, runtime: Runtime) -> float:
    """The stage functions, without Dagster."""
    began = time.perf_counter()
    for stage in STAGES:
        for day in DAYS:
            stage.fill(runtime, Window.at(day, runtime.now()))
    return time.perf_counter() - began


def measure(way: Callable[[Databases, Path, Runtime], float], server: Server, turn: int) -> float:
    """One round on databases of its own; milliseconds per window and stage."""
    name = f"{way.__name__}_{turn}"
    dagster = server.url(f"{name}_dagster").replace("://", "+psycopg2://")
    databases = Databases(server.url(name), dagster, None, load_settings())
    databases.prepare()
    engine = create_engine(databases.data)
    for path in sample.FILES:
        import_file(engine, path)
    sample.start_experiment(engine)
    now = datetime.now(UTC)
    runtime = Runtime(engine, load_settings(), now=lambda: now)
    seconds = way(databases, server.home / name, runtime)
    engine.dispose()
    return 1000 * seconds / len(DAYS) / len(STAGES)


def main() -> None:
    """Run the rounds and print the table."""
    ways = (as_the_project_does, as_dagster_does, stages_alone)
    with throwaway_server() as server:
        times = {way.__name__: [measure(way, server, turn) for turn in range(ROUNDS)] for way in ways}
    first = median(times[ways[0].__name__])
    print(f"{len(DAYS)} windows, {len(STAGES)} stages, {ROUNDS} rounds; ms per window and stage")
    print(f"{'':<22}{'median':>8}{'min':>8}{'max':>8}{'ratio':>8}")
    for name, values in times.items():
        middle = median(values)
        row = f"{middle:8.1f}{min(values):8.1f}{max(values):8.1f}{middle / first:8.2f}"
        print(f"{name.replace('_', ' '):<22}{row}")


if __name__ == "__main__":
    main()

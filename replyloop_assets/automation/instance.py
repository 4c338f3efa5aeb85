"""The Dagster instance: its home folder, its storage on PostgreSQL, and a fast way into it.

Run as a module it makes the instance of DAGSTER_HOME ready for the processes of `replyloop up`, which itself
imports no Dagster: it waits for weeks, and would hold 60 MB for nothing.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from replyloop_assets.warehouse.queries import project_file

if TYPE_CHECKING:
    import dagster as dg

    from replyloop_assets.warehouse.databases import Databases

EVENTS_PER_WRITE = 200
STATEMENT_TIMEOUT_MS = 60_000
POOL_RECYCLE_S = 3_600
PROCESS_TAG = "replyloop/process"


def instance_environment(databases: Databases, home: Path) -> dict[str, str]:
    """The variables with which any Dagster process finds the instance and the data.

    Writes the instance file into `home`/dagster, which is then DAGSTER_HOME.
    """
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(project_file("dagster.yaml"), folder / "dagster.yaml")
    return {
        "DAGSTER_HOME": str(folder),
        "REPLYLOOP_DATABASE_URL": databases.data,
        "REPLYLOOP_DAGSTER_URL": databases.dagster,
    }


@contextmanager
def open_instance(databases: Databases, home: Path) -> Iterator[dg.DagsterInstance]:
    """The instance in this process, with pooled connections and events written in batches.

    By default each event opens a connection of its own, and there is one for each day that a run is going to
    fill, which is ten times slower over a long range.
    """
    import dagster as dg

    environment = instance_environment(databases, home)
    os.environ |= {
        "REPLYLOOP_DAGSTER_URL": environment["REPLYLOOP_DAGSTER_URL"],
        "DAGSTER_EVENT_BATCH_SIZE": str(EVENTS_PER_WRITE),
        "DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS": "true",
    }
    with dg.DagsterInstance.from_config(environment["DAGSTER_HOME"]) as instance:
        pool_connections(instance)
        yield instance


def pool_connections(instance: dg.DagsterInstance) -> None:
    """Let the instance keep its connections, which Dagster by default does in the webserver alone."""
    instance.optimize_for_webserver(
        statement_timeout=STATEMENT_TIMEOUT_MS, pool_recycle=POOL_RECYCLE_S, max_overflow=4
    )


def process_mark() -> str:
    """This process, told apart from a later one of the same number, and from those of other machines."""
    return mark_of(psutil.Process())


def mark_of(process: psutil.Process) -> str:
    """A process as a tag of its runs: machine, number, birth."""
    return f"{socket.gethostname()}:{process.pid}@{process.create_time()}"


def fail_lost_runs(instance: dg.DagsterInstance) -> None:
    """Mark as failed the runs whose process was killed: they would hold their place in the queue for ever.

    For the start of the only `up` of an instance: a run without a mark belonged to one that is gone. A
    run marked by another machine is left to it.
    """
    import dagster as dg

    alive = {mark_of(process) for process in psutil.process_iter(["create_time"])}
    unfinished = dg.RunsFilter(
        statuses=[
            dg.DagsterRunStatus.STARTING,
            dg.DagsterRunStatus.STARTED,
            dg.DagsterRunStatus.CANCELING,
        ]
    )
    for run in instance.get_runs(unfinished):
        mark = run.tags.get(PROCESS_TAG)
        elsewhere = mark is not None and not mark.startswith(f"{socket.gethostname()}:")
        if mark not in alive and not elsewhere:
            instance.report_run_failed(run, "The process of this run was killed.")


def prepare() -> None:
    """Create Dagster's tables, before two processes try to at once, and settle what was left of runs."""
    from dagster import DagsterInstance

    with DagsterInstance.get() as instance:
        fail_lost_runs(instance)


if __name__ == "__main__":
    prepare()

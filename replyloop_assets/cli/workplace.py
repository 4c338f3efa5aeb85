"""What the commands do: the databases of one command, ready, and the work on them, with bars and words.

To list the commands all their modules are imported: what is slow to import waits until it is used.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from replyloop_assets import clock
from replyloop_assets.cli import interrupts
from replyloop_assets.errors import ReplyloopError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from replyloop_assets.settings import Settings
    from replyloop_assets.sources.summary import Summary
    from replyloop_assets.warehouse.databases import Databases

# the whole lineage: the stages open, in the drawing and by name beside it, the rest as groups
LINEAGE = (
    "asset-groups?expanded=global@global:facts,global@global:decisions"
    "&open-nodes%5B0%5D=global@global:facts&open-nodes%5B1%5D=global@global:decisions"
)


@dataclass(frozen=True)
class Workplace:
    """The databases of one command, ready, the folder its processes share, and the instant it begins.

    Midnight may pass while it works: `now` keeps all that one command does and says to one day.
    """

    settings: Settings
    databases: Databases
    engine: sa.Engine
    home: Path
    now: datetime


def find_databases() -> Databases:
    """The databases that the settings name; nothing is started."""
    from replyloop_assets.settings import load_settings
    from replyloop_assets.warehouse.databases import Databases

    return Databases.from_settings(load_settings())


@contextmanager
def workplace(suffix: str = "") -> Iterator[Workplace]:
    """Start what must run, migrate, and hand over; what this command started ends with it.

    With a suffix it is a place apart: databases of their own, always on the private server, and nobody is
    alerted of what happens there.
    """
    from replyloop_assets.settings import load_settings
    from replyloop_assets.warehouse.databases import Databases
    from replyloop_assets.warehouse.engine import create_engine

    now = clock.now()
    settings = load_settings()
    if suffix:
        settings = settings.model_copy(
            update={"database_url": None, "dagster_url": None, "alert_webhook_url": None}
        )
    databases = Databases.from_settings(settings, suffix)
    with databases.running():
        engine = create_engine(databases.data)
        try:
            yield Workplace(settings, databases, engine, settings.home / f"loop{suffix}", now)
        finally:
            engine.dispose()


def import_files(
    place: Workplace,
    files: Sequence[Path],
    discovered_at: datetime | None = None,
    quiet: bool = False,
) -> list[Summary]:
    """Import each file in its own transaction, with a bar, and say what came of it."""
    from replyloop_assets.sources.importing import import_file

    summaries: list[Summary] = []
    found = discovered_at.replace(tzinfo=discovered_at.tzinfo or UTC) if discovered_at else None
    for path in files:
        with progress_bar(f"Reading {path.name}", DownloadColumn()) as advance:
            try:
                summary = import_file(
                    place.engine,
                    path,
                    discovered_at=found,
                    on_progress=lambda done, all_: advance(done, all_),
                )
            except ReplyloopError as error:
                if not summaries:
                    raise
                raise ReplyloopError(f"{error} The files before it are loaded.") from None
        summaries.append(summary)
        if not quiet:
            print(describe_import(summary))
    return summaries


def describe_import(summary: Summary) -> str:
    """What came of one file, in a line that adds up, and a line per reason."""
    counts = ("loaded", "updated", "unchanged", "skipped", "quarantined")
    parts = [f"{getattr(summary, name):,} {name}" for name in counts if getattr(summary, name)]
    lines = [f"{summary.source} ({summary.format}): {summary.read:,} read, {', '.join(parts)}."]
    lines += [f"  {times:,} × {reason}" for reason, times in summary.reasons.items()]
    lines += [f"  X reported {times:,} × {title}" for title, times in summary.errors.items()]
    return "\n".join(lines)


def fill(place: Workplace, first: date | None, last: date | None) -> None:
    """Materialise a range in this process, with a bar over days and stages."""
    from replyloop_assets.assets.stage import Runtime
    from replyloop_assets.automation.backfill import plan_backfill, run_backfill
    from replyloop_assets.automation.instance import open_instance
    from replyloop_assets.warehouse.open_days import first_fact_day

    done = count(1)
    with progress_bar("Filling", MofNCompleteColumn()) as advance:
        runtime = Runtime(
            place.engine,
            place.settings,
            now=lambda: place.now,
            on_day=lambda stage, day: advance(next(done), plan.steps),
        )
        plan = plan_backfill(runtime, first, last)
        began = time.monotonic()
        with open_instance(place.databases, place.home) as instance:
            failures = run_backfill(plan, runtime, instance)
    took = time.monotonic() - began
    days = (plan.last - plan.first).days + 1
    print(
        f"Filled {days} {'day' if days == 1 else 'days'}, {plan.first} to {plan.last}, in {took:.1f} s: "
        f"{1000 * took / plan.steps:.1f} ms per window and stage."
    )
    if first_fact_day(place.engine) is None:
        print("They are empty, as nothing is loaded yet: replyloop import FILE brings in an X export.")
    if failures:
        raise ReplyloopError("Some days could not be computed: " + "; ".join(failures))


def show(place: Workplace, as_json: bool = False) -> None:
    """Print the status."""
    from replyloop_assets.assets import STAGES
    from replyloop_assets.automation.staleness import find_stale
    from replyloop_assets.operator.doctor import worst
    from replyloop_assets.reporting.status import print_status, read_status

    names = [stage.name for stage in STAGES]
    stale = [str(one) for one in find_stale(place.engine, place.now, place.settings.features)]
    answer = read_status(place.engine, place.settings, names, stale, place.now)
    answer["doctor"] = worst(place.engine, place.settings, place.now)
    write_json(answer) if as_json else print_status(answer)


def run_server(place: Workplace, port: int) -> None:
    """Serve until INT or TERM."""
    from replyloop_assets.automation.instance import instance_environment
    from replyloop_assets.automation.serving import serve

    environment = instance_environment(place.databases, place.home)
    if place.settings.alert_webhook_url is None:
        environment["REPLYLOOP_ALERT_WEBHOOK_URL"] = ""
    print("Starting the Dagster UI …", flush=True)
    lineage = f"http://127.0.0.1:{port}/{LINEAGE}"
    serve(place.home, port, environment, f"The lineage: {lineage}  (Ctrl-C ends everything)")
    print("Ended.")


@contextmanager
def progress_bar(title: str, *columns: ProgressColumn) -> Iterator[Callable[[int, int], None]]:
    """A bar on the terminal, on standard error: none where that is no terminal. Each step may be the last."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn(title), BarColumn(), *columns, TimeRemainingColumn(),
        console=console, transient=True, disable=not console.is_terminal,
        redirect_stdout=sys.stdout.isatty(),  # there, what is said meanwhile stands above the bar
    )  # fmt: skip
    with bar:
        task = bar.add_task(title, total=None)

        def advance(done: int, total: int) -> None:
            interrupts.check()
            bar.update(task, completed=done, total=total)

        yield advance


def write_json(value: object) -> None:
    """One JSON object on standard output."""
    print(json.dumps(value, default=str, ensure_ascii=False, indent=2))

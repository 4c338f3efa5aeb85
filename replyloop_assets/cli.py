"""The `replyloop` command: an error is one sentence, and a non-zero exit."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import sqlalchemy as sa
import typer
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
from sqlalchemy.exc import OperationalError

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.serving import serve as serve_children
from replyloop_assets.serving import sole_server
from replyloop_assets.settings import Settings, load_settings
from replyloop_assets.warehouse.databases import Databases, describe_database, keep_file, stop_unused
from replyloop_assets.warehouse.embedded import Server
from replyloop_assets.warehouse.engine import create_engine, driver_url, reason

if TYPE_CHECKING:
    from replyloop_assets.sources.summary import Summary

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Learns which accounts, moments and reply styles bring followers, from what your bot has "
    "done. It decides and never posts. Start with: replyloop demo",
)
db = typer.Typer(no_args_is_help=True, help="The database: ours, unless REPLYLOOP_DATABASE_URL is set.")
app.add_typer(db, name="db")

# the page of the last stage with all that leads to it: the whole lineage at a glance
LINEAGE = "assets/health_status?view=lineage&lineageScope=upstream&lineageDepth=12"

INTERRUPTED = 130  # the exit code that shells give to a command ended by Ctrl-C

Json = Annotated[bool, typer.Option("--json", help="One JSON object, for a program.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Where the Dagster UI listens, on 127.0.0.1.")]
FromDay = Annotated[
    str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="First day; else the first fact.")
]
ToDay = Annotated[
    str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Last day; else the running day.")
]


@dataclass(frozen=True)
class Workplace:
    """The databases of one command, ready, and the folder its processes share."""

    settings: Settings
    databases: Databases
    engine: sa.Engine
    home: Path


@contextmanager
def workplace(suffix: str = "") -> Iterator[Workplace]:
    """Start what must run, migrate, and hand over; what this command started ends with it."""
    settings = load_settings()
    databases = Databases.from_settings(settings, suffix)
    with databases.running():
        engine = create_engine(databases.data)
        try:
            yield Workplace(settings, databases, engine, settings.home / f"loop{suffix}")
        finally:
            engine.dispose()


@app.command()
def up(port: Port = 3000) -> None:
    """Serve the Dagster UI and turn the loop on its schedules, until Ctrl-C."""
    with workplace() as place, sole_server(place.home, port):
        run_server(place, port)


@app.command()
def demo(
    serve: Annotated[bool, typer.Option(help="Serve the Dagster UI afterwards.")] = True,
    port: Port = 3000,
) -> None:
    """Watch it learn from 90 synthetic days, in databases of their own."""
    from replyloop_assets.simulation import demo as sample

    with workplace("_demo") as place, ExitStack() as stack:
        if serve:
            stack.enter_context(sole_server(place.home, port))
        import_files(place, sample.FILES)
        sample.start_experiment(place.engine)
        fill(place, sample.FIRST_DAY, sample.LAST_DAY)
        show(place)
        if serve:
            run_server(place, port)


@app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", show_default=False)],
    discovered_at: Annotated[
        datetime | None,
        typer.Option(help="When the posts were found (UTC), for a file that does not say."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Load X analytics exports, API v2 posts or the bot's own decisions; the format is recognised.

    Importing a file again changes nothing. A row that cannot be used goes to quarantine with a reason.

    For example: replyloop import account_analytics_content.csv posts.jsonl
    """
    with workplace() as place:
        summaries = import_files(place, files, discovered_at, quiet=as_json)
    if as_json:
        write_json({"files": [summary.as_dict() for summary in summaries]})


@app.command()
def materialize(first: FromDay = None, last: ToDay = None) -> None:
    """Fill a range of days: classification, outcomes, analytics, allocation, experiments, health.

    For example: replyloop materialize --from 2026-01-01 --to 2026-03-31
    """
    first_day, last_day = read_day("--from", first), read_day("--to", last)
    with workplace() as place:
        fill(place, first_day, last_day)


@app.command()
def status(as_json: Json = False) -> None:
    """What is loaded, how far it is computed, and what was learnt."""
    with workplace() as place:
        show(place, as_json)


@app.command("plan")
def show_plan(as_json: Json = False) -> None:
    """What to search for, in which order and with how much of the effort, and why."""
    from replyloop_assets.reporting.plan import print_plan, read_plan

    with workplace() as place:
        answer = read_plan(place.engine)
    write_json(answer) if as_json else print_plan(answer)


@app.command("queue")
def show_queue(
    most: Annotated[int, typer.Option(min=1, max=1000, help="How many posts to show.")] = 10,
    as_json: Json = False,
) -> None:
    """The posts that wait for a reply, the best first, and why each stands where it does."""
    from replyloop_assets.reporting.queue import print_queue, read_queue

    with workplace() as place:
        answer = read_queue(place.engine, most, datetime.now(UTC))
    write_json(answer) if as_json else print_queue(answer)


@db.command()
def start() -> None:
    """Start the private server and keep it running between commands; prints the data's URL."""
    server = own_server()
    databases = Databases.from_settings(load_settings())
    with databases.running():
        keep_file(server).touch()
    print(client_url(databases))


@db.command()
def stop() -> None:
    """Stop the private server."""
    print("Stopped." if stop_unused(own_server()) else "It was not running.")


@db.command("status")
def db_status(as_json: Json = False) -> None:
    """Whether the database answers, its version, and which migrations it holds."""
    databases = Databases.from_settings(load_settings())
    facts = describe_database(databases)
    if as_json:
        write_json(facts)
    else:
        for name, value in facts.items():
            print(f"{name}: {value}")
    if not facts["answers"]:
        raise typer.Exit(1)


@db.command()
def url(
    dagster: Annotated[bool, typer.Option("--dagster", help="Dagster's storage instead.")] = False,
) -> None:
    """Print the database's URL; it may hold a password."""
    databases = Databases.from_settings(load_settings())
    print(databases.dagster if dagster else client_url(databases))


@db.command()
def migrate() -> None:
    """Bring the database to the present schema; safe to repeat."""
    with Databases.from_settings(load_settings()).running() as applied:
        print(f"Applied: {', '.join(applied)}." if applied else "Nothing to apply.")


@db.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(context: typer.Context) -> None:
    """Open psql on the data; further arguments go to psql.

    For example: replyloop db psql -c 'SELECT * FROM strategy_allocation'
    """
    databases = Databases.from_settings(load_settings())
    with databases.running():
        program = str(databases.server.psql_path()) if databases.server else shutil.which("psql")
        if not program:
            raise ReplyloopError("psql is not installed: take it from PostgreSQL's client package.")
        target = sa.make_url(client_url(databases))
        secret = {"PGPASSWORD": str(target.password)} if target.password else {}
        # the password not among the arguments, which every user of the machine can list
        command = [program, target.set(password=None).render_as_string(), *context.args]
        # Ctrl-C cancels a query of psql's and ends nothing here
        signal.signal(signal.SIGINT, lambda number, frame: None)
        code = subprocess.run(command, env=os.environ | secret, check=False).returncode
    raise typer.Exit(code)


def import_files(
    place: Workplace,
    files: Sequence[Path],
    discovered_at: datetime | None = None,
    quiet: bool = False,
) -> list["Summary"]:
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


def describe_import(summary: "Summary") -> str:
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
    from replyloop_assets.warehouse.windows import first_fact_day

    done = count(1)
    with progress_bar("Filling", MofNCompleteColumn()) as advance:
        runtime = Runtime(
            place.engine, place.settings, on_day=lambda stage, day: advance(next(done), plan.steps)
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
    from replyloop_assets.reporting.status import print_status, read_status

    names = [stage.name for stage in STAGES]
    answer = read_status(place.engine, place.settings, names, datetime.now(UTC))
    write_json(answer) if as_json else print_status(answer)


def run_server(place: Workplace, port: int) -> None:
    """Serve until INT or TERM."""
    from replyloop_assets.automation.instance import instance_environment, open_instance

    with open_instance(place.databases, place.home):
        pass  # creates Dagster's tables before two processes try to at once
    environment = instance_environment(place.databases, place.home)
    print("Starting the Dagster UI …", flush=True)
    lineage = f"http://127.0.0.1:{port}/{LINEAGE}"
    serve_children(place.home, port, environment, f"The lineage: {lineage}  (Ctrl-C ends everything)")
    print("Ended.")


@contextmanager
def progress_bar(title: str, *columns: ProgressColumn) -> Iterator[Callable[[int, int], None]]:
    """A bar on the terminal, on standard error: none where that is no terminal."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn(title), BarColumn(), *columns, TimeRemainingColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def client_url(databases: Databases) -> str:
    """The data's URL as psql and other programs read it: without the name of our driver."""
    plain = driver_url(databases.data).set(drivername="postgresql")
    return plain.render_as_string(hide_password=False)


def own_server() -> Server:
    """The private server.

    Raises:
        ReplyloopError: REPLYLOOP_DATABASE_URL names another, which is not ours to start or stop.
    """
    server = Databases.from_settings(load_settings()).server
    if server is None:
        raise ReplyloopError(
            "REPLYLOOP_DATABASE_URL names your own server, which replyloop neither starts nor stops: "
            "unset it to use the private one."
        )
    return server


def read_day(option: str, text: str | None) -> date | None:
    """A day as it was typed.

    Raises:
        ReplyloopError: it is no day.
    """
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise ReplyloopError(f"{option} {text} is no day: write it as 2026-01-31.") from None


def write_json(value: object) -> None:
    """One JSON object on standard output."""
    print(json.dumps(value, default=str, ensure_ascii=False, indent=2))


def interrupt_again(lost: "sys.UnraisableHookArgs") -> None:
    """An interrupt that came while Python tidied up is lost there: send it anew a moment later."""
    if issubclass(lost.exc_type, Exception):
        sys.__unraisablehook__(lost)
    else:
        threading.Timer(0.02, signal.raise_signal, [signal.SIGTERM]).start()


def main() -> None:
    """The entry point: what a person can act on is one sentence, exit 1; Ctrl-C is exit 130."""
    # TERM ends a command as Ctrl-C does; so does a closed terminal, unless nohup ignores it
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda number, frame: signal.raise_signal(signal.SIGTERM))
    sys.unraisablehook = interrupt_again
    try:
        app()
    except ReplyloopError as error:
        print(f"replyloop: {error}", file=sys.stderr)
        sys.exit(1)
    except OperationalError as error:
        print(f"replyloop: the database went away ({reason(error)}): run the same again.", file=sys.stderr)
        sys.exit(1)
    except PermissionError as error:
        hint = "correct that, or set REPLYLOOP_HOME to a folder you may write to."
        print(f"replyloop: {error.filename}: {error.strerror}: {hint}", file=sys.stderr)
        sys.exit(1)
    except SystemExit as ended:
        if ended.code == INTERRUPTED:  # which is what Typer makes of a KeyboardInterrupt
            print("replyloop: interrupted; what was finished is kept.", file=sys.stderr)
        raise
    except Exception as error:
        with tempfile.NamedTemporaryFile("w", prefix="replyloop-", suffix=".log", delete=False) as log:
            log.writelines(traceback.format_exception(error))
        kind = type(error).__name__
        print(
            f"replyloop: this is a defect of replyloop ({kind}); please report {log.name}.", file=sys.stderr
        )
        sys.exit(70)

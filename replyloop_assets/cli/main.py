"""The `replyloop` command: an error is one sentence, and a non-zero exit."""

import sys
import tempfile
import traceback
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import MofNCompleteColumn

from replyloop_assets.cli import interrupts
from replyloop_assets.cli.alerts import alerts
from replyloop_assets.cli.db import Json, db
from replyloop_assets.cli.doctor import doctor
from replyloop_assets.cli.evaluate import evaluate
from replyloop_assets.cli.experiment import experiment
from replyloop_assets.cli.intervals import intervals
from replyloop_assets.cli.settings import settings
from replyloop_assets.cli.simulate import simulate
from replyloop_assets.cli.workplace import (
    Workplace,
    fill,
    import_files,
    progress_bar,
    run_server,
    show,
    workplace,
    write_json,
)
from replyloop_assets.errors import ReplyloopError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(db, name="db")
app.add_typer(experiment, name="experiment")
simulate.command()(intervals)
app.add_typer(simulate, name="simulate")
app.command()(alerts)
app.command()(doctor)
app.command()(evaluate)
app.command()(settings)

INTERRUPTED = 130  # the exit code that shells give to a command ended by Ctrl-C
STOPPED = "replyloop: interrupted; what was finished is kept."

Port = Annotated[int, typer.Option(min=1, max=65535, help="Where the Dagster UI listens, on 127.0.0.1.")]
FromDay = Annotated[
    str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="First day; else the first fact.")
]
ToDay = Annotated[
    str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Last day; else the running day.")
]


def show_version(wanted: bool) -> None:
    """Print the version and end, where it is wanted."""
    if wanted:
        from replyloop_assets.warehouse.migrations import version

        print(f"replyloop {version()}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version and exit.")
]


@app.callback()
def replyloop(version: Version = False) -> None:
    """Learns which accounts, moments and reply styles bring followers, from what your bot has done.

    It decides and never posts. Start with: replyloop demo
    """


@app.command()
def up(port: Port = 3000) -> None:
    """Serve the Dagster UI and turn the loop on its schedules, until Ctrl-C."""
    from replyloop_assets.automation.serving import sole_server

    with workplace() as place, sole_server(place.home, port):
        run_server(place, port)


@app.command()
def demo(
    serve: Annotated[bool, typer.Option(help="Serve the Dagster UI afterwards.")] = True,
    days: Annotated[int, typer.Option(min=1, max=600, help="How long the bot has lived.")] = 120,
    per_day: Annotated[int, typer.Option(min=1, max=1000, help="Replies a day.")] = 20,
    port: Port = 3000,
) -> None:
    """Watch it learn: a synthetic bot lives with it for 120 days, on the private server.

    Two thirds through its world changes. `replyloop simulate loop` shows the truth behind such a life.
    """
    from replyloop_assets.automation.serving import sole_server

    with workplace("_demo") as place, ExitStack() as stack:
        if serve:
            stack.enter_context(sole_server(place.home, port))
        live_demo(place, days, per_day)
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
    """What is wrong and what the loop did about it, what is loaded and computed, and what was learnt."""
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
        answer = read_queue(place.engine, most, place.now)
    write_json(answer) if as_json else print_queue(answer)


def live_demo(place: Workplace, days: int, per_day: int) -> None:
    """Live the demo's life, unless it is there already, and fill its days for Dagster to show."""
    from replyloop_assets.simulation.demo import demo_life, holds_facts, play_demo, played_before

    play = demo_life(place.now.date(), days, per_day)
    if not played_before(place.engine, play):
        if holds_facts(place.engine):
            place.engine.dispose()
            place.databases.start_afresh()
        print(
            f"A bot lives {days} days: {play.habit_days} by habit, then by what the loop decides. Every week "
            "what it has learnt:",
            flush=True,
        )
        with progress_bar(f"Living {days} days", MofNCompleteColumn()) as advance:
            play_demo(place.engine, place.settings, play, advance, print)
    print(f"A bot lived here from {play.first_day} on, {per_day} replies a day.")
    fill(place, play.first_day, None)


def read_day(option: str, text: str | None) -> date | None:
    """A day as it was typed.

    Raises:
        ReplyloopError: it is no day.
    """
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise ReplyloopError(f"{option} {text} is no day: write it as 2026-01-31.") from None


def main() -> None:
    """The entry point: what a person can act on is one sentence, exit 1; Ctrl-C is exit 130."""
    interrupts.listen()
    try:
        app()
    except SystemExit as ended:
        if ended.code == INTERRUPTED:  # which is what Typer makes of a KeyboardInterrupt
            print(STOPPED, file=sys.stderr)
        raise
    except Exception as error:
        code, sentence = (INTERRUPTED, STOPPED) if interrupts.came.is_set() else explain(error)
        print(sentence, file=sys.stderr)
        sys.exit(code)


def explain(error: Exception) -> tuple[int, str]:
    """The exit code and the sentence for what ended a command."""
    from sqlalchemy.exc import OperationalError

    from replyloop_assets.warehouse.engine import reason

    if isinstance(error, ReplyloopError):
        return 1, f"replyloop: {error}"
    if isinstance(error, OperationalError):
        return 1, f"replyloop: the database went away ({reason(error)}): run the same again."
    if isinstance(error, PermissionError):
        hint = "correct that, or set REPLYLOOP_HOME to a folder you may write to."
        return 1, f"replyloop: {error.filename}: {error.strerror}: {hint}"
    with tempfile.NamedTemporaryFile("w", prefix="replyloop-", suffix=".log", delete=False) as log:
        log.writelines(traceback.format_exception(error))
    kind = type(error).__name__
    return 70, f"replyloop: this is a defect of replyloop ({kind}); please report {log.name}."

"""`replyloop db`: the database behind the loop."""

import os
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING, Annotated

import typer

from replyloop_assets.cli.workplace import find_databases, write_json
from replyloop_assets.errors import ReplyloopError

if TYPE_CHECKING:
    from replyloop_assets.postgres.server import Server
    from replyloop_assets.warehouse.databases import Databases

db = typer.Typer(no_args_is_help=True, help="The database: ours, unless REPLYLOOP_DATABASE_URL is set.")

Json = Annotated[bool, typer.Option("--json", help="One JSON object, for a program.")]


@db.command()
def start() -> None:
    """Start the private server and keep it running between commands; prints the data's URL."""
    from replyloop_assets.warehouse.databases import keep_file

    server, databases = own_server(), find_databases()
    with databases.running():
        keep_file(server).touch()
    print(client_url(databases))


@db.command()
def stop() -> None:
    """Stop the private server."""
    from replyloop_assets.warehouse.databases import stop_unused

    print("Stopped." if stop_unused(own_server()) else "It was not running.")


@db.command("status")
def db_status(as_json: Json = False) -> None:
    """Whether the database answers, its version, and which migrations it holds."""
    from replyloop_assets.warehouse.databases import describe_database

    facts = describe_database(find_databases())
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
    databases = find_databases()
    print(databases.dagster if dagster else client_url(databases))


@db.command()
def migrate() -> None:
    """Bring the database to the present schema; safe to repeat."""
    with find_databases().running() as applied:
        print(f"Applied: {', '.join(applied)}." if applied else "Nothing to apply.")


@db.command()
def upgrade() -> None:
    """Move the private server's data to the newest PostgreSQL here; the old folder is kept beside it."""
    from replyloop_assets.postgres.upgrade import upgrade as move
    from replyloop_assets.warehouse.databases import is_last, users_of

    server = own_server()
    with users_of(server) as users:
        if not is_last(users):
            raise ReplyloopError(
                "Another replyloop command uses the server: run this when that one has ended."
            )
        done = move(server)
    if done is None:
        print("It is of the newest PostgreSQL here already.")
        return
    print(f"Moved from PostgreSQL {done.before} to {done.after}. When all is well, remove {done.kept}.")


@db.command()
def detach() -> None:
    """Let go of your bot's tables, so that a migration of yours may change a column that the loop reads.

    PostgreSQL refuses that while a view stands on it. The next replyloop command takes them up again; until
    then the bot's functions do not answer.
    """
    from replyloop_assets.warehouse.edges.build import detach as let_go
    from replyloop_assets.warehouse.engine import create_engine

    databases = find_databases()
    with databases.running():
        engine = create_engine(databases.data)
        try:
            with engine.begin() as connection:
                let_go(connection)
        finally:
            engine.dispose()
    print("Let go: change your tables, then run replyloop db migrate.")


@db.command()
def protect() -> None:
    """Close your bot's tables to Supabase's anonymous roles: row level security, and no grant to them.

    Your bot keeps its way in if it connects as the tables' owner or with the service key.
    """
    from replyloop_assets.warehouse.edges.build import protect_tables
    from replyloop_assets.warehouse.engine import create_engine

    databases = find_databases()
    with databases.running():
        engine = create_engine(databases.data)
        try:
            with engine.begin() as connection:
                closed, left = protect_tables(connection, databases.settings.bot_schema)
        finally:
            engine.dispose()
    print(f"Closed: {', '.join(closed) or 'none'}.")
    if left:
        raise ReplyloopError(f"{', '.join(left)}: another role owns these; let it run replyloop db protect.")


@db.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(context: typer.Context) -> None:
    """Open psql on the data; further arguments go to psql.

    For example: replyloop db psql -c 'SELECT * FROM strategy_allocation'
    """
    from replyloop_assets.warehouse.engine import driver_url

    databases = find_databases()
    with databases.running():
        program = str(databases.server.psql_path()) if databases.server else shutil.which("psql")
        if not program:
            raise ReplyloopError("psql is not installed: take it from PostgreSQL's client package.")
        target = driver_url(databases.data).set(drivername="postgresql")
        secret = {"PGPASSWORD": str(target.password)} if target.password else {}
        # the password not among the arguments, which every user of the machine can list
        command = [program, target.set(password=None).render_as_string(), *context.args]
        # Ctrl-C cancels a query of psql's and ends nothing here
        signal.signal(signal.SIGINT, lambda number, frame: None)
        code = subprocess.run(command, env=os.environ | secret, check=False).returncode
    raise typer.Exit(code)


def own_server() -> "Server":
    """The private server.

    Raises:
        ReplyloopError: REPLYLOOP_DATABASE_URL names another, which is not ours to start or stop.
    """
    server = find_databases().server
    if server is None:
        raise ReplyloopError(
            "REPLYLOOP_DATABASE_URL names your own server, which replyloop neither starts nor stops: "
            "unset it to use the private one."
        )
    return server


def client_url(databases: "Databases") -> str:
    """The data's URL as psql and other programs read it: without the name of our driver."""
    from replyloop_assets.warehouse.engine import driver_url

    plain = driver_url(databases.data).set(drivername="postgresql")
    return plain.render_as_string(hide_password=False)

"""Brings a database to the present schema: numbered plain SQL, each file once, in one transaction.

What the loop owns lies in the schema `replyloop`; the bot's tables lie where the bot has them. The
functions, what the bot's tables lack, the seed's names and who may do what are settled again whenever one of
them has changed (`settling`), so that they need no numbers.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from hashlib import sha256
from importlib import metadata
from pathlib import Path

import sqlalchemy as sa
from psycopg.errors import DependentObjectsStillExist
from sqlalchemy.exc import InternalError

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.learning.dimensions import DIMENSIONS
from replyloop_assets.settings import load_settings
from replyloop_assets.warehouse.edges.build import (
    bot_names,
    complete_tables,
    create_views,
    describe_views,
    drop_views,
    held_views,
    index_tables,
    read_fits,
    run,
)
from replyloop_assets.warehouse.edges.casts import quote
from replyloop_assets.warehouse.edges.fit import Names
from replyloop_assets.warehouse.engine import SCHEMA
from replyloop_assets.warehouse.functions import replace_functions
from replyloop_assets.warehouse.queries import project_file, run_script

MINIMUM_VERSION = 14
AMONG_THE_BOTS = "0009_pivots_errors_alerts"  # up to here all that was the loop's lay among the bot's tables
SETTLED = "settled"  # the line in the ledger of what has no number
LEDGER = f"""
CREATE TABLE IF NOT EXISTS {SCHEMA}.migrations (
    name TEXT PRIMARY KEY,
    checksum TEXT NOT NULL,
    version TEXT NOT NULL, -- of the program that applied it
    applied_at TIMESTAMPTZ NOT NULL DEFAULT now()
)
"""
FORMER = """
    SELECT space.nspname FROM pg_class AS class
    INNER JOIN pg_namespace AS space ON class.relnamespace = space.oid
    WHERE class.relname = 'replyloop_migrations' AND class.relkind = 'r'
    ORDER BY space.nspname = 'public' DESC
    LIMIT 1
"""
RECORD = """
    INSERT INTO migrations (name, checksum, version) VALUES (:name, :checksum, :version)
    ON CONFLICT (name) DO UPDATE
    SET checksum = excluded.checksum, version = excluded.version, applied_at = excluded.applied_at
"""


def version() -> str:
    """The version of this program."""
    return metadata.version("replyloop")


def migrate(engine: sa.Engine, bot_schema: str | None = None, names: Names | None = None) -> list[str]:
    """Apply what is missing and settle the rest, all in one transaction; two at once wait for each other.

    Args:
        bot_schema: where the bot's tables are; REPLYLOOP_BOT_SCHEMA if not given.
        names: what is called otherwise there; what the settings say if not given.

    Returns:
        The names of the migrations applied now.

    Raises:
        ReplyloopError: the server is too old, the database is newer than this program, a migration was
            applied to it in a form that never was ours, or something else depends on what has to change.
    """
    bot = bot_schema or load_settings().bot_schema
    with engine.begin() as connection:
        check_server(connection)
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('replyloop_migrations'))"))
        prepare_schemas(connection, bot)
        applied = read_ledger(connection, f"{SCHEMA}.migrations")
        check_age(connection, applied)
        completed = None if applied else complete_former(connection)
        new = completed or []
        for path, checksum in migrations():
            if path.stem not in applied:
                # the loop's whole set was made among the bot's tables once: it is made in its own schema now
                walk(connection, *([SCHEMA] if path.stem <= AMONG_THE_BOTS else [SCHEMA, bot]))
                apply(connection, path)
                walk(connection, SCHEMA, bot)
                record(connection, path.stem, checksum)
                if completed is None or path.stem > AMONG_THE_BOTS:
                    new.append(path.stem)
            elif applied[path.stem] not in known_forms(path.stem):
                raise_other_form(path.stem)
        settle(connection, bot, names or bot_names(load_settings()), applied.get(SETTLED))
    return new


def check_server(connection: sa.Connection) -> None:
    """Refuse a server that is too old."""
    number = int(connection.execute(sa.text("SHOW server_version_num")).scalar_one())
    if number < MINIMUM_VERSION * 10_000:
        raise ReplyloopError(
            f"PostgreSQL {MINIMUM_VERSION} or newer is needed and this server is {number // 10_000}: upgrade "
            "it, or unset REPLYLOOP_DATABASE_URL."
        )


def prepare_schemas(connection: sa.Connection, bot: str) -> None:
    """Both schemas and the ledger, and what scripts may ask for."""
    for name in (SCHEMA, bot):
        exists = connection.execute(sa.text("SELECT to_regnamespace(:name)"), {"name": quote(name)}).scalar()
        if exists is None:  # asked first, as IF NOT EXISTS wants the right to create it all the same
            run(connection, f"CREATE SCHEMA {quote(name)}")
    connection.exec_driver_sql(LEDGER)
    say(connection, "bot_schema", bot)


def read_ledger(connection: sa.Connection, table: str) -> dict[str, str]:
    """What was applied, by name: the checksum it was applied with."""
    return {row.name: row.checksum for row in connection.execute(sa.text(f"SELECT * FROM {table}"))}


def check_age(connection: sa.Connection, applied: dict[str, str]) -> None:
    """Refuse a database that a newer program has migrated."""
    unknown = set(applied) - {path.stem for path, _ in migrations()} - {SETTLED}
    if unknown:
        newest = connection.execute(
            sa.text(f"SELECT version FROM {SCHEMA}.migrations WHERE name = :name"), {"name": max(unknown)}
        ).scalar_one()
        raise ReplyloopError(
            f"This database was migrated by replyloop {newest} and this is {version()}: upgrade the program."
        )


def complete_former(connection: sa.Connection) -> list[str] | None:
    """Bring a database of the layout before 0010 to its last state, where it lies; 0010 then moves it.

    Returns:
        The migrations applied there now; None where there is no such layout.
    """
    former = connection.execute(sa.text(FORMER)).scalar()
    if former is None:
        return None
    say(connection, "former_schema", former)
    walk(connection, former)
    applied = read_ledger(connection, "replyloop_migrations")
    new = []
    for path, _ in migrations():
        if path.stem > AMONG_THE_BOTS:
            break
        if path.stem not in applied:
            apply(connection, path)
            new.append(path.stem)
        elif applied[path.stem] not in known_forms(path.stem):
            raise_other_form(path.stem)
    return new


def apply(connection: sa.Connection, path: Path) -> None:
    """Run a migration."""
    script = path.read_text(encoding="utf-8")
    drop_dependents(connection, lambda connection: run_script(connection, script))


def drop_dependents(connection: sa.Connection, work: Callable[[sa.Connection], None]) -> None:
    """Do what may find that something of the user's stands on it.

    Raises:
        ReplyloopError: something does.
    """
    try:
        work(connection)
    except (DependentObjectsStillExist, InternalError) as error:
        origin = getattr(error, "orig", None) or error
        if not isinstance(origin, DependentObjectsStillExist):
            raise
        dependent = " ".join((origin.diag.message_detail or str(origin)).split())
        raise ReplyloopError(
            "The database cannot be upgraded while something of yours stands on what has to change "
            f"({dependent}): drop that, run this again, and make it anew."
        ) from None


def raise_other_form(name: str) -> None:
    """Say that a migration was applied in a form that never was ours."""
    raise ReplyloopError(
        f"Migration {name} was applied to this database in another form: restore the file, and put the "
        "change into a new migration."
    )


def settle(connection: sa.Connection, bot: str, names: Names, settled: str | None) -> None:
    """Settle what has no number, where something of it, or of the bot's tables, has changed since."""
    if settled == settled_checksum(connection, bot, names):
        return
    walk(connection, SCHEMA, bot)
    drop_dependents(connection, drop_views)
    fits = complete_tables(connection, bot, names)
    connection.execute(sa.text("DELETE FROM queue_posts"))  # rated by what may have changed: filled anew
    connection.execute(sa.text("DELETE FROM dimensions"))
    connection.execute(
        sa.text("INSERT INTO dimensions VALUES (:name, :place, :is_slot, :is_testable)"),
        [asdict(one) | {"place": place} for place, one in enumerate(DIMENSIONS)],
    )
    replace_functions(connection)
    index_tables(connection, fits)
    create_views(connection, describe_views(connection, fits, names))
    for name in ("seed_names", "access"):
        run_script(connection, project_file(f"sql/edges/{name}.sql").read_text(encoding="utf-8"))
    record(connection, SETTLED, settled_checksum(connection, bot, names))


def settled_checksum(connection: sa.Connection, bot: str, names: Names) -> str:
    """What is settled, as a checksum: the files, the dimensions, and the views that the bot's tables want."""
    texts = [path.read_text(encoding="utf-8") for path in settling()]
    newest = [path.stem for path, _ in migrations()][-1]  # a table that it made wants its rights settled
    fits = read_fits(connection, bot, names)
    views = describe_views(connection, fits, names)
    # a table that another has replaced, and a view that somebody dropped
    there = [str(one.table.oid) for one in fits] + held_views(connection)
    return sha256("\n".join([bot, repr(DIMENSIONS), newest, *texts, *views, *there]).encode()).hexdigest()


def settling() -> list[Path]:
    """The files that have no number: a change of one is settled as a whole."""
    return sorted([*project_file("sql/functions").glob("*.sql"), *project_file("sql/edges").glob("*.sql")])


def migrations() -> Iterator[tuple[Path, str]]:
    """The migrations in order, each with its checksum."""
    for path in sorted(project_file("sql/migrations").glob("*.sql")):
        yield path, checksum_of(path)


def checksum_of(path: Path) -> str:
    """The checksum of a migration's text."""
    return sha256(path.read_text(encoding="utf-8").encode()).hexdigest()


def known_forms(name: str) -> list[str]:
    """Every checksum that a migration ever had here, the oldest first: the database may hold any of them."""
    lines = project_file("sql/migrations/forms.txt").read_text(encoding="utf-8").splitlines()
    return [checksum for checksum, of in (line.split() for line in lines) if of == name]


def changed_migrations() -> list[str]:
    """The migrations whose text is not the last form written down: `make check` holds that there is none."""
    return [path.stem for path, checksum in migrations() if known_forms(path.stem)[-1:] != [checksum]]


def record(connection: sa.Connection, name: str, checksum: str) -> None:
    """Write down what was applied."""
    connection.execute(sa.text(RECORD), {"name": name, "checksum": checksum, "version": version()})


def walk(connection: sa.Connection, *schemas: str) -> None:
    """Names mean those of these schemas from now on, in this transaction."""
    say_path = sa.text("SELECT set_config('search_path', :path, TRUE)")
    connection.execute(say_path, {"path": ", ".join(map(quote, schemas))})


def say(connection: sa.Connection, name: str, value: str) -> None:
    """Tell the scripts of this transaction a name."""
    connection.execute(
        sa.text("SELECT set_config(:name, :value, TRUE)"), {"name": f"replyloop.{name}", "value": value}
    )


def record_new() -> None:
    """Write down the form of each migration that has none yet: `make schema` does it."""
    forms = project_file("sql/migrations/forms.txt")
    new = [f"{checksum} {path.stem}\n" for path, checksum in migrations() if not known_forms(path.stem)]
    forms.write_text(forms.read_text(encoding="utf-8") + "".join(new), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["record"]:
        record_new()
    if changed := changed_migrations():
        raise SystemExit(
            f"{', '.join(changed)}: a migration that was committed never changes. Restore it and write a new "
            "one, which `make schema` records."
        )

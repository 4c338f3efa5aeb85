"""Builds the edges in the database: what the bot's tables lack, then the views over them."""

from collections.abc import Iterator
from dataclasses import replace

import sqlalchemy as sa
from psycopg.errors import DeadlockDetected, LockNotAvailable, QueryCanceled
from sqlalchemy.exc import DBAPIError

from replyloop_assets.settings import Settings, load_settings
from replyloop_assets.warehouse.edges.casts import literal, quote, read_as, write_as
from replyloop_assets.warehouse.edges.catalogue import read_table
from replyloop_assets.warehouse.edges.fit import Fit, Names, fit
from replyloop_assets.warehouse.edges.tables import BOT_SNAPSHOTS, EDGES, FOUND_POSTS, OWN_POSTS, SNAPSHOT
from replyloop_assets.warehouse.edges.views import (
    complete_table,
    create_indexes,
    create_table,
    create_trigger,
    create_view,
    table_of,
)
from replyloop_assets.warehouse.edges.words import POSTED_WORDS, translate
from replyloop_assets.warehouse.engine import SCHEMA

STRANGERS = ("anon", "authenticated")  # Supabase's: whoever calls from a browser


def bot_names(settings: Settings) -> Names:
    """What the settings say of the bot's tables."""
    named = dict(one.split("=", 1) for one in settings.bot_names)
    posted = dict.fromkeys(word.lower() for word in (*settings.bot_posted, *POSTED_WORDS))
    return Names(
        {ours: theirs for ours, theirs in named.items() if "." not in ours},
        {ours: theirs for ours, theirs in named.items() if "." in ours},
        dict(one.split("=", 1) for one in settings.bot_values),
        settings.bot_timezone,
        tuple(posted),
    )


def read_fits(connection: sa.Connection, schema: str, names: Names) -> list[Fit]:
    """How the bot's tables that are there answer the contract now."""
    found = []
    for edge in EDGES:
        table = read_table(connection, schema, names.tables.get(edge.table, edge.table))
        if table is not None:
            one = fit(edge, table, names)
            found.append(replace(one, words=translate(connection, one, names)))
    return found


def describe_views(connection: sa.Connection, fits: list[Fit], names: Names) -> list[str]:
    """The statements that make the views, which change whenever the bot's tables do."""
    statements = []
    for one in fits:
        statements.append(create_view(one, names))
        if not one.is_plain and one.written:
            statements.append(create_trigger(one))
        if one.edge is BOT_SNAPSHOTS:
            statements += create_snapshots(one, names)
    # by that the queue knows what is new since the last claim
    are_dated = all(one.fitted("recorded_at").homes for one in fits if one.edge in (FOUND_POSTS, OWN_POSTS))
    statements.append(
        f"CREATE FUNCTION {SCHEMA}.rows_are_dated() RETURNS BOOLEAN LANGUAGE sql IMMUTABLE "
        f"AS 'SELECT {are_dated}'"
    )
    return statements


def complete_tables(connection: sa.Connection, schema: str, names: Names) -> list[Fit]:
    """Create the tables that the bot lacks, closed to strangers, and give the others what they lack.

    What a bot's table does not take (it is not ours to alter, its rows break a unique index) it goes
    without: `replyloop doctor` tells.
    """
    there = {one.edge for one in read_fits(connection, schema, names)}
    for edge in EDGES:
        if edge not in there:
            name = names.tables.get(edge.table, edge.table)
            run(connection, create_table(edge, schema, name))
            close_table(connection, f"{quote(schema)}.{quote(name)}")
    for one in read_fits(connection, schema, names):
        if one.table.is_table:
            attempt(connection, complete_table(one))
    return read_fits(connection, schema, names)


def index_tables(connection: sa.Connection, fits: list[Fit]) -> None:
    """The indexes that the readers need, in the form in which they read."""
    for one in fits:
        if one.table.is_table:
            attempt(connection, create_indexes(one))


def attempt(connection: sa.Connection, statements: Iterator[str]) -> None:
    """Run what a bot's table may refuse. What passes by itself is no refusal: then nothing is settled.

    Raises:
        DBAPIError: a wait ran out, a deadlock, a statement that was cancelled.
    """
    for statement in statements:
        try:
            with connection.begin_nested():
                run(connection, statement)
        except DBAPIError as error:
            if isinstance(error.orig, LockNotAvailable | QueryCanceled | DeadlockDetected):
                raise


def run(connection: sa.Connection, statement: str) -> None:
    """Run a statement that may hold a name of the bot's, with whatever is in it."""
    connection.exec_driver_sql(statement.replace("%", "%%"))


def close_table(connection: sa.Connection, table: str) -> None:
    """Close a table to everyone but its owner and whoever is above row level security."""
    run(connection, f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    run(connection, f"REVOKE ALL ON TABLE {table} FROM PUBLIC")
    known = sa.text("SELECT rolname FROM pg_roles WHERE rolname = ANY(:names)")
    for role in connection.execute(known, {"names": list(STRANGERS)}).scalars():
        run(connection, f"REVOKE ALL ON TABLE {table} FROM {quote(role)}")


def protect_tables(connection: sa.Connection, schema: str) -> tuple[list[str], list[str]]:
    """Close the bot's tables; the names of those that were closed, and of those that are another's."""
    fits = read_fits(connection, schema, bot_names(load_settings()))
    closed = [one for one in fits if one.table.is_table]
    for one in closed:
        close_table(connection, table_of(one))
    return [one.table.name for one in closed], [one.table.name for one in fits if one not in closed]


def detach(connection: sa.Connection) -> None:
    """Let go of the bot's tables, so that these may be changed; the next command takes them up again."""
    drop_views(connection)
    connection.exec_driver_sql(f"DELETE FROM {SCHEMA}.migrations WHERE name = 'settled'")


def drop_views(connection: sa.Connection) -> None:
    """Drop the views, before functions and views are made anew."""
    for view in ("exported_snapshots", "snapshots", *(edge.view for edge in EDGES)):
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {SCHEMA}.{view}")


def held_views(connection: sa.Connection) -> list[str]:
    """The names of the views that are there."""
    held = "SELECT relname FROM pg_class WHERE relkind = 'v' AND relnamespace = to_regnamespace(:ours)"
    return sorted(connection.execute(sa.text(held), {"ours": SCHEMA}).scalars())


def create_views(connection: sa.Connection, statements: list[str]) -> None:
    """Make the views."""
    for statement in statements:
        run(connection, statement)


def overwrites(one: Fit) -> bool:
    """Whether the bot keeps one row a post, which it updates in place."""
    homes = one.fitted("tweet_id").homes
    return bool(homes) and homes[0].name in one.table.unique


def create_snapshots(one: Fit, names: Names) -> list[str]:
    """All snapshots: the bot's, and those that its table does not keep; where those of an export are put.

    Where a bot overwrites its own, what was seen of them is all there is: a row that changes would change
    the past. An export goes into a table that is as ours would be, else it is kept apart.
    """
    columns = ", ".join(column.name for column in SNAPSHOT)
    only_seen = overwrites(one)
    sources = ["seen_snapshots"] if only_seen else ["bot_snapshots", "seen_snapshots"]
    selects = [f"SELECT {columns} FROM {SCHEMA}.{source}" for source in sources]
    exported = "bot_snapshots" if one.is_plain and not only_seen else "seen_snapshots"
    return [
        f"CREATE VIEW {SCHEMA}.snapshots AS {' UNION ALL '.join(selects)}",
        f"CREATE VIEW {SCHEMA}.exported_snapshots AS SELECT {columns} FROM {SCHEMA}.{exported}",
        f"CREATE FUNCTION {SCHEMA}.bot_overwrites() RETURNS BOOLEAN LANGUAGE sql IMMUTABLE "
        f"AS 'SELECT {only_seen}'",
        f"CREATE FUNCTION {SCHEMA}.snapshot_instant(told TIMESTAMPTZ) RETURNS TIMESTAMPTZ "
        f"LANGUAGE sql STABLE AS {literal(held_instant(one, names))}",
    ]


def held_instant(one: Fit, names: Names) -> str:
    """A question: an instant as it is read again once the bot's table holds it."""
    homes = one.fitted("collected_at").homes
    if not homes:
        return "SELECT told"
    written = write_as("told", homes[0], "TIMESTAMPTZ", names.zone)
    read = read_as(homes[0], "TIMESTAMPTZ", names.zone)
    return f"SELECT {read} FROM (SELECT ({written})::{homes[0].declared} AS {quote(homes[0].name)}) AS held"

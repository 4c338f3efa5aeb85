"""Builds the edges in the database: what the bot's tables lack, then the views over them."""

from collections.abc import Iterator

import sqlalchemy as sa
from psycopg.errors import DeadlockDetected, LockNotAvailable, QueryCanceled
from sqlalchemy.exc import DBAPIError

from replyloop_assets.settings import load_settings
from replyloop_assets.warehouse.edges.casts import literal, quote
from replyloop_assets.warehouse.edges.catalogue import read_table
from replyloop_assets.warehouse.edges.fit import Fit, Names, fit
from replyloop_assets.warehouse.edges.tables import BOT_SNAPSHOTS, EDGES, POSTED_WORDS, SNAPSHOT
from replyloop_assets.warehouse.edges.views import (
    complete_table,
    create_indexes,
    create_table,
    create_trigger,
    create_view,
    table_of,
)
from replyloop_assets.warehouse.engine import SCHEMA

STRANGERS = ("anon", "authenticated")  # Supabase's: whoever calls from a browser


def bot_names() -> Names:
    """What the settings say of the bot's tables."""
    settings = load_settings()
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
            found.append(fit(edge, table, names))
    return found


def describe_views(connection: sa.Connection, fits: list[Fit], names: Names) -> list[str]:
    """The statements that make the views, which change whenever the bot's tables do."""
    statements = []
    for one in fits:
        statements.append(create_view(one, names))
        if not one.is_plain and one.written:
            statements.append(create_trigger(one, posted_word(connection, one, names)))
        if one.edge is BOT_SNAPSHOTS:
            statements += create_snapshots(overwrites(one))
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
            connection.exec_driver_sql(create_table(edge, schema, name))
            for statement in close_table(connection, f"{quote(schema)}.{quote(name)}"):
                connection.exec_driver_sql(statement)
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
                connection.exec_driver_sql(statement.replace("%", "%%"))
        except DBAPIError as error:
            if isinstance(error.orig, LockNotAvailable | QueryCanceled | DeadlockDetected):
                raise


def close_table(connection: sa.Connection, table: str) -> Iterator[str]:
    """Close a table to everyone but its owner and whoever is above row level security."""
    yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
    yield f"REVOKE ALL ON TABLE {table} FROM PUBLIC"
    known = sa.text("SELECT rolname FROM pg_roles WHERE rolname = ANY(:names)")
    for role in connection.execute(known, {"names": list(STRANGERS)}).scalars():
        yield f"REVOKE ALL ON TABLE {table} FROM {quote(role)}"


def protect_tables(connection: sa.Connection, schema: str) -> tuple[list[str], list[str]]:
    """Close the bot's tables; the names of those that were closed, and of those that are another's."""
    fits = read_fits(connection, schema, bot_names())
    closed = [one for one in fits if one.table.is_table]
    for one in closed:
        for statement in close_table(connection, table_of(one)):
            connection.exec_driver_sql(statement)
    return [one.table.name for one in closed], [one.table.name for one in fits if one not in closed]


def detach(connection: sa.Connection) -> None:
    """Let go of the bot's tables, so that these may be changed; the next command takes them up again."""
    drop_views(connection)
    connection.exec_driver_sql(f"DELETE FROM {SCHEMA}.migrations WHERE name = 'settled'")


def drop_views(connection: sa.Connection) -> None:
    """Drop the views, before functions and views are made anew."""
    for view in ("snapshots", *(edge.view for edge in EDGES)):
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {SCHEMA}.{view}")


def held_views(connection: sa.Connection) -> list[str]:
    """The names of the views that are there."""
    held = "SELECT relname FROM pg_class WHERE relkind = 'v' AND relnamespace = to_regnamespace(:ours)"
    return sorted(connection.execute(sa.text(held), {"ours": SCHEMA}).scalars())


def create_views(connection: sa.Connection, statements: list[str]) -> None:
    """Make the views."""
    for statement in statements:
        connection.exec_driver_sql(statement.replace("%", "%%"))


def posted_word(connection: sa.Connection, one: Fit, names: Names) -> str:
    """The word with which the bot's table says that a post is out: "posted", unless it refuses that."""
    sources = [
        fitted.sources[0] for fitted in one.columns if fitted.column.name == "status" and fitted.sources
    ]
    if not sources:
        return "posted"
    status = sources[0]
    rules = [rule for column, rule in one.table.rules if column == status.name] or ["TRUE"]
    for word in names.posted:
        question = (
            f"SELECT bool_and(coalesce(rule, TRUE)) FROM (SELECT unnest(ARRAY[{', '.join(rules)}]) AS rule "
            f"FROM (SELECT {literal(word)}::{status.full_type} AS {quote(status.name)}) AS told) AS asked"
        )
        try:
            with connection.begin_nested():
                if connection.exec_driver_sql(question.replace("%", "%%")).scalar_one():
                    return word
        except DBAPIError:  # no word of the enumeration
            continue
    return "posted"


def overwrites(one: Fit) -> bool:
    """Whether the bot keeps one row a post, which it updates in place."""
    sources = one.fitted("tweet_id").sources
    return bool(sources) and sources[0].name in one.table.unique


def create_snapshots(only_seen: bool) -> list[str]:
    """All snapshots: the bot's, and those that its table does not keep.

    Where a bot overwrites its own, what was seen of them is all there is: a row that changes would change
    the past.
    """
    columns = ", ".join(column.name for column in SNAPSHOT)
    sources = ["seen_snapshots"] if only_seen else ["bot_snapshots", "seen_snapshots"]
    selects = [f"SELECT {columns} FROM {SCHEMA}.{source}" for source in sources]
    return [
        f"CREATE VIEW {SCHEMA}.snapshots AS {' UNION ALL '.join(selects)}",
        f"CREATE FUNCTION {SCHEMA}.bot_overwrites() RETURNS BOOLEAN LANGUAGE sql IMMUTABLE "
        f"AS 'SELECT {only_seen}'",
    ]

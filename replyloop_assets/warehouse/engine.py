"""Connections to PostgreSQL, and rows in bulk. One engine per process, a small pool."""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.settings import load_settings

SCHEMA = "replyloop"  # all that the loop owns lies there
POOL_SIZE = 4


def driver_url(url: str, driver: str = "psycopg") -> sa.URL:
    """The URL with its driver named, whatever form it came in (`postgres://`, `postgresql://`).

    A bare `postgresql://` means psycopg 3 to SQLAlchemy 2.1; Dagster's storage needs psycopg2.

    Raises:
        ReplyloopError: it is no PostgreSQL URL. The URL itself is not repeated: it holds a secret.
    """
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError):  # the latter: a port that is no number
        parsed = None
    if parsed is None or parsed.drivername.partition("+")[0] not in ("postgres", "postgresql"):
        raise ReplyloopError(
            "The database URL cannot be read: write it as postgresql://user:password@host:5432/name."
        )
    return parsed.set(drivername=f"postgresql+{driver}")


def create_engine(url: str, bot_schema: str | None = None) -> sa.Engine:
    """An engine whose transactions speak UTC and see the loop's schema, then the bot's; nothing connects yet.

    Args:
        bot_schema: where the bot's tables are; REPLYLOOP_BOT_SCHEMA if not given.
    """
    engine = sa.create_engine(
        driver_url(url),
        pool_size=POOL_SIZE,
        max_overflow=POOL_SIZE,
        pool_pre_ping=True,
        connect_args={
            "prepare_threshold": None,  # a transaction pooler gives the next transaction another session
            "application_name": "replyloop",
            "connect_timeout": 10,
        },
    )
    quoted = engine.dialect.identifier_preparer.quote_identifier(bot_schema or load_settings().bot_schema)

    def settle_transaction(connection: sa.Connection) -> None:
        # per transaction and not per session, so that it holds behind a transaction pooler too; just-in-time
        # compilation costs small queries more than it saves
        connection.exec_driver_sql(
            f"SET LOCAL timezone = 'UTC'; SET LOCAL jit = off; SET LOCAL search_path = {SCHEMA}, {quoted}"
        )

    sa.event.listen(engine, "begin", settle_transaction)
    return engine


def reason(error: Exception) -> str:
    """What PostgreSQL or its client said, in one line, without the statement and its values."""
    origin = getattr(error, "orig", None) or error
    return (str(origin).strip().splitlines() or [type(origin).__name__])[0]


def check_reachable(engine: sa.Engine) -> None:
    """Raise the sentence a person needs when the database does not answer."""
    try:
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT 1"))
    except DBAPIError as error:
        place = engine.url.query.get("host") or f"{engine.url.host}:{engine.url.port or 5432}"
        raise ReplyloopError(
            f"PostgreSQL at {place} (database {engine.url.database}) does not answer: {reason(error)}. "
            "Start it, or correct REPLYLOOP_DATABASE_URL."
        ) from None


def copy_rows(
    connection: sa.Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """COPY `rows` into `table` inside the connection's transaction, streaming."""
    from psycopg import sql

    raw = connection.connection.driver_connection
    assert raw is not None
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with raw.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)

"""Which databases are used: the user's server where there is a URL, else a private one of our own."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import sqlalchemy as sa
from psycopg.errors import DuplicateDatabase, InsufficientPrivilege, UniqueViolation
from sqlalchemy.exc import DBAPIError, ProgrammingError

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.postgres.server import Server
from replyloop_assets.settings import Settings
from replyloop_assets.warehouse.engine import SCHEMA, check_reachable, create_engine, driver_url, reason
from replyloop_assets.warehouse.migrations import migrate

NAME = "replyloop"


@dataclass(frozen=True)
class Databases:
    """The URLs of the data and of Dagster's own storage, and the server behind them if it is ours."""

    data: str
    dagster: str
    server: Server | None
    settings: Settings

    @classmethod
    def from_settings(cls, settings: Settings, suffix: str = "") -> "Databases":
        """Resolve the URLs; nothing is started. `suffix` names a set of databases apart (the demo's)."""
        server = None
        if settings.database_url is not None:
            given = driver_url(settings.database_url.get_secret_value())
        else:
            server = Server(settings.home, settings.postgres_bin)
            given = driver_url(server.url(NAME))
        data = given.set(database=(given.database or NAME) + suffix)
        if settings.dagster_url is not None:
            dagster = driver_url(settings.dagster_url.get_secret_value())
            dagster = dagster.set(database=(dagster.database or f"{NAME}_dagster") + suffix)
        else:
            dagster = data.set(database=f"{data.database}_dagster")
        return cls(
            data.render_as_string(hide_password=False),
            dagster.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False),
            server,
            settings,
        )

    @contextmanager
    def running(self) -> Iterator[list[str]]:
        """The databases, up and migrated, for as long as a command needs them.

        Our own server is started by the first command and stopped by the last one that uses it,
        unless `replyloop db start` said to keep it. Yields the migrations applied now.
        """
        if self.server is None:
            yield self.prepare()
            return
        with users_of(self.server) as users:
            fcntl.flock(users, fcntl.LOCK_SH)
            try:
                self.server.start()
                yield self.prepare()
            finally:
                # where nobody else holds it, whoever comes now waits until the server is down
                if is_last(users) and not keep_file(self.server).exists():
                    self.server.stop()

    def prepare(self) -> list[str]:
        """Create what is missing and migrate; returns the migrations applied now. Safe to repeat.

        Raises:
            ReplyloopError: the server does not answer, or this user may not create what is missing.
        """
        for url in (self.data, self.dagster):
            ensure_database(url)
        engine = create_engine(self.data)
        try:
            applied = migrate(engine, self.settings.bot_schema)
            publish_settings(engine, self.settings)
            return applied
        except (ProgrammingError, InsufficientPrivilege) as error:
            if not isinstance(getattr(error, "orig", error), InsufficientPrivilege):
                raise
            raise ReplyloopError(
                f"{engine.url.username} may not create replyloop's tables in database "
                f"{engine.url.database} ({reason(error)}): grant it, or name the owner in "
                "REPLYLOOP_DATABASE_URL."
            ) from None
        finally:
            engine.dispose()

    def start_afresh(self) -> None:
        """Drop all that both databases hold, and prepare them anew: only for a place apart."""
        for url in (self.data, self.dagster):
            psycopg = driver_url(url).set(drivername="postgresql+psycopg")
            engine = create_engine(psycopg.render_as_string(hide_password=False))
            with engine.begin() as connection:
                connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
                connection.exec_driver_sql("DROP SCHEMA public CASCADE")
                connection.exec_driver_sql("CREATE SCHEMA public")
            engine.dispose()
        self.prepare()


def publish_settings(engine: sa.Engine, settings: Settings) -> None:
    """Tell the bot's SQL functions the settings they go by, where they have changed."""
    published = settings.bot.model_dump() | {
        "horizon_hours": settings.horizon_hours,
        "grace_hours": settings.grace_hours,
        "feedback": settings.features.feedback,
        "generator_choice": settings.features.generator_choice,
        "default_generator": settings.generators.default_generator,
        "topics": settings.search.topics,
    }
    statement = """
        INSERT INTO loop_settings AS live (settings) VALUES (CAST(:settings AS JSONB))
        ON CONFLICT (only_row) DO UPDATE SET settings = excluded.settings
        WHERE live.settings <> excluded.settings
    """
    with engine.begin() as connection:
        connection.execute(sa.text(statement), {"settings": json.dumps(published)})


def keep_file(server: Server) -> Path:
    """Exists while our server is to stay up between commands."""
    return server.home / "keep-running"


def stop_unused(server: Server) -> bool:
    """Stop our server, as `replyloop db stop` does; True if it was running.

    Raises:
        ReplyloopError: another command uses it.
    """
    keep_file(server).unlink(missing_ok=True)
    with users_of(server) as users:
        if not is_last(users):
            raise ReplyloopError("Another replyloop command uses the server: it stops when that one ends.")
        return server.stop()


@contextmanager
def users_of(server: Server) -> Iterator[IO[str]]:
    """The file that every command locks, shared, while it uses our server.

    Raises:
        ReplyloopError: the home cannot hold it.
    """
    try:
        server.home.mkdir(parents=True, exist_ok=True)
        users = (server.home / "commands.lock").open("a+")
    except OSError as error:
        raise ReplyloopError(
            f"{server.home} cannot be used ({error.strerror}): "
            "set REPLYLOOP_HOME to a folder you may write to."
        ) from None
    with users:
        yield users


def is_last(users: IO[str]) -> bool:
    """Whether no other command holds the file; it is then locked against all, else no longer locked."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def ensure_database(url: str) -> None:
    """Create the database that the URL names, if the server has none of that name.

    Raises:
        ReplyloopError: the server does not answer, or this user may not create databases.
    """
    wanted = driver_url(url)
    engine = create_engine(wanted.render_as_string(hide_password=False))
    try:
        with engine.connect():
            return
    except DBAPIError as error:
        if f'database "{wanted.database}" does not exist' not in str(error.orig):
            check_reachable(engine)
    finally:
        engine.dispose()

    maintenance = create_engine(
        wanted.set(database="postgres").render_as_string(hide_password=False)
    ).execution_options(isolation_level="AUTOCOMMIT")
    try:
        with maintenance.connect() as connection:
            name = connection.dialect.identifier_preparer.quote_identifier(str(wanted.database))
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
    except DBAPIError as error:
        # another command was faster: a lock of the session's would stay behind in a pooler
        if isinstance(error.orig, DuplicateDatabase | UniqueViolation):
            return
        raise ReplyloopError(
            f"Database {wanted.database} is missing and cannot be created ({reason(error)}): create it, "
            "or name another with REPLYLOOP_DATABASE_URL and REPLYLOOP_DAGSTER_URL."
        ) from None
    finally:
        maintenance.dispose()


def describe_database(databases: Databases) -> dict[str, object]:
    """Whether the data's database answers, and what it is; nothing is started, no secret is told."""
    engine = create_engine(databases.data)
    facts: dict[str, object] = {
        "server": "private" if databases.server else "yours",
        "database": engine.url.database,
        "place": engine.url.host or engine.url.query.get("host"),
        "answers": False,
    }
    try:
        with engine.connect() as connection:
            facts["version"] = connection.execute(sa.text("SHOW server_version")).scalar_one()
            facts["answers"] = True
            if sa.inspect(connection).has_table("migrations", SCHEMA):
                names = sa.text(f"SELECT name FROM {SCHEMA}.migrations ORDER BY name")
                facts["migrations"] = ", ".join(connection.execute(names).scalars())
    except DBAPIError as error:
        facts["why"] = reason(error)
    finally:
        engine.dispose()
    return facts

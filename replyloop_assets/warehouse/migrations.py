"""Brings a database to the present schema: numbered plain SQL, each file once, under a lock.

The functions the bot and the stages call are replaced as a whole when one of them has changed, so that
they need no numbers.
"""

from hashlib import sha256

import sqlalchemy as sa

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.warehouse.queries import project_file

MINIMUM_VERSION = 14
FUNCTIONS = "functions"  # their line in the ledger: replaced whenever one has changed
LEDGER = """
CREATE TABLE IF NOT EXISTS replyloop_migrations (
    name TEXT PRIMARY KEY,
    checksum TEXT NOT NULL,
    applied_at TIMESTAMPTZ NOT NULL DEFAULT now()
)
"""


def migrate(engine: sa.Engine) -> list[str]:
    """Apply what is missing and replace the functions, all in one transaction.

    Two at once wait for each other. Returns the names of the migrations applied now.

    Raises:
        ReplyloopError: the server is too old, or a migration that was applied has changed since.
    """
    with engine.begin() as connection:
        version = connection.execute(sa.text("SHOW server_version_num")).scalar_one()
        if int(version) < MINIMUM_VERSION * 10_000:
            raise ReplyloopError(
                f"PostgreSQL {MINIMUM_VERSION} or newer is needed and this server is "
                f"{int(version) // 10_000}: upgrade it, or unset REPLYLOOP_DATABASE_URL."
            )
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('replyloop_migrations'))"))
        connection.exec_driver_sql(LEDGER)
        ledger = connection.execute(sa.text("SELECT name, checksum FROM replyloop_migrations"))
        applied = {row.name: row.checksum for row in ledger}
        new = []
        for path in sorted(project_file("sql/migrations").glob("*.sql")):
            text = path.read_text(encoding="utf-8")
            checksum = sha256(text.encode()).hexdigest()
            if path.stem not in applied:
                run_script(connection, text)
                connection.execute(
                    sa.text("INSERT INTO replyloop_migrations (name, checksum) VALUES (:n, :c)"),
                    {"n": path.stem, "c": checksum},
                )
                new.append(path.stem)
            elif applied[path.stem] != checksum:
                raise ReplyloopError(
                    f"Migration {path.stem} was applied to this database in another form: "
                    "restore the file, and put the change into a new migration."
                )
        replace_functions(connection, applied.get(FUNCTIONS))
    return new


def replace_functions(connection: sa.Connection, applied: str | None) -> None:
    """Create or replace the functions and settle who may call them, where they are not these already."""
    paths = [*sorted(project_file("sql/functions").glob("*.sql")), project_file("sql/grants.sql")]
    texts = [path.read_text(encoding="utf-8") for path in paths]
    checksum = sha256("".join(texts).encode()).hexdigest()
    if applied == checksum:
        return
    # functions call each other: their bodies are checked when they run
    connection.exec_driver_sql("SET LOCAL check_function_bodies = off")
    for text in texts:
        run_script(connection, text)
    record = """
        INSERT INTO replyloop_migrations (name, checksum) VALUES (:n, :c)
        ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum, applied_at = excluded.applied_at
    """
    connection.execute(sa.text(record), {"n": FUNCTIONS, "c": checksum})


def run_script(connection: sa.Connection, text: str) -> None:
    """Run a file of several statements as it stands: no parameters, no percent signs to escape."""
    raw = connection.connection.driver_connection
    assert raw is not None
    with raw.cursor() as cursor:
        cursor.execute(text)

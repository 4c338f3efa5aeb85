"""What the loop finds in the bot's database, what it can use of it, and what is lost without the rest.

Nothing is written: the questions are asked of the catalogue and of the rows.
"""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from replyloop_assets.operator.findings import GRAVITIES, Finding
from replyloop_assets.operator.name_findings import of_names
from replyloop_assets.operator.role_findings import of_roles
from replyloop_assets.operator.table_findings import of_tables
from replyloop_assets.settings import Settings
from replyloop_assets.warehouse.edges.build import bot_names, read_fits
from replyloop_assets.warehouse.engine import SCHEMA
from replyloop_assets.warehouse.migrations import MINIMUM_VERSION, migrations, read_ledger

SILENT = timedelta(hours=13)  # two turns of the chain were missed
LITTLE_DISK = 1 << 30


def examine(
    engine: sa.Engine, settings: Settings, now: datetime, disk: Path | None = None, rows: bool = True
) -> list[Finding]:
    """Everything, the gravest first.

    Args:
        disk: where the private server keeps its data; None for a server that is not ours.
        rows: whether the rows are looked at, too, which takes a moment.
    """
    names = bot_names(settings)
    with engine.connect() as connection:
        fits = read_fits(connection, settings.bot_schema, names)
        findings = [
            *of_server(connection),
            *of_migrations(connection),
            *of_names(fits, names),
            *of_tables(connection, fits, names, settings.bot_schema, rows),
            *of_roles(connection, fits, settings.bot_schema),
            *of_turning(connection, now),
        ]
    if disk is not None and (free := shutil.disk_usage(disk).free) < LITTLE_DISK:
        findings.append(Finding("warning", "disk", f"{free >> 20} MiB are free in {disk}", "make room"))
    return sorted(findings, key=lambda one: -GRAVITIES.index(one.gravity))


def worst(engine: sa.Engine, settings: Settings, now: datetime, most: int = 2) -> list[str]:
    """The gravest findings that do not need a look at the rows, a sentence each."""
    found = [one for one in examine(engine, settings, now, rows=False) if one.gravity in ("warning", "fault")]
    return [f"{one.subject}: {one.what}" for one in found[:most]]


def of_server(connection: sa.Connection) -> Iterator[Finding]:
    """The server: its version, its zone, and whether a pooler stands before it."""
    number = int(connection.execute(sa.text("SHOW server_version_num")).scalar_one())
    if number < MINIMUM_VERSION * 10_000:
        what = f"PostgreSQL {number // 10_000}, where {MINIMUM_VERSION} or newer is needed"
        yield Finding("fault", "server", what, "upgrade it")
    else:
        yield Finding("well", "server", f"PostgreSQL {number // 10_000}")
    before = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
    connection.rollback()
    if connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one() != before:
        yield Finding(
            "note", "server", "a pooler stands before it, which gives each transaction another session"
        )
    zone = connection.execute(
        sa.text("SELECT reset_val FROM pg_settings WHERE name = 'TimeZone'")
    ).scalar_one()
    if zone not in ("UTC", "Etc/UTC", "GMT"):
        yield Finding(
            "note", "server", f"its time zone is {zone}: a bot's now() without a zone is local time"
        )


def of_migrations(connection: sa.Connection) -> Iterator[Finding]:
    """What `replyloop db migrate` would do."""
    known = [path.stem for path, _ in migrations()]
    try:
        with connection.begin_nested():
            applied = set(read_ledger(connection, f"{SCHEMA}.migrations"))
    except DBAPIError:
        applied = set()
    if missing := [name for name in known if name not in applied]:
        what = f"{len(missing)} of {len(known)} migrations are to be applied, the first {missing[0]}"
        yield Finding("note", "migrations", what, "replyloop db migrate")
    else:
        yield Finding("well", "migrations", f"all {len(known)} are applied")


def of_turning(connection: sa.Connection, now: datetime) -> Iterator[Finding]:
    """Whether the loop turns."""
    try:
        with connection.begin_nested():
            newest = connection.execute(sa.text(f"SELECT max(computed_at) FROM {SCHEMA}.stage_days")).scalar()
    except DBAPIError:
        return
    if newest is not None and now - newest > SILENT:
        what = f"nothing was computed since {newest:%Y-%m-%d %H:%M} UTC"
        yield Finding("warning", "schedules", what, "replyloop up must run for the loop to turn")

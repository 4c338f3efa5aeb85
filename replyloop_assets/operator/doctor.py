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
from replyloop_assets.operator.table_findings import of_tables
from replyloop_assets.settings import Settings
from replyloop_assets.warehouse.edges.build import STRANGERS, bot_names, read_fits
from replyloop_assets.warehouse.edges.fit import Fit
from replyloop_assets.warehouse.edges.views import table_of
from replyloop_assets.warehouse.engine import SCHEMA
from replyloop_assets.warehouse.migrations import MINIMUM_VERSION, migrations, read_ledger

SILENT = timedelta(hours=13)  # two turns of the chain were missed
LITTLE_DISK = 1 << 30

RIGHTS = """
    SELECT
        string_agg(DISTINCT r.rolname, ' and ' ORDER BY r.rolname) AS roles,
        string_agg(DISTINCT p.privilege, ', ' ORDER BY p.privilege) AS privileges
    FROM pg_roles AS r
    CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS p (privilege)
    INNER JOIN pg_class AS c ON c.oid = CAST(:name AS REGCLASS)
    WHERE r.rolname = ANY(:strangers) AND has_table_privilege(r.oid, c.oid, p.privilege)
        -- row level security holds rows back, and not who empties a table
        AND (NOT c.relrowsecurity OR p.privilege = 'TRUNCATE')
    HAVING count(*) > 0
"""
# as PostgreSQL 14 gives it by default, and a database that was upgraded from it
ANYONE_CREATES = """
    SELECT count(*) > 0
    FROM pg_namespace AS n
    CROSS JOIN LATERAL aclexplode(n.nspacl) AS held
    WHERE n.nspname = :schema AND held.grantee = 0 AND held.privilege_type = 'CREATE'
"""


def examine(
    engine: sa.Engine, settings: Settings, now: datetime, disk: Path | None = None, rows: bool = True
) -> list[Finding]:
    """Everything, the gravest first.

    Args:
        disk: where the private server keeps its data; None for a server that is not ours.
        rows: whether the rows are looked at, too, which takes a moment.
    """
    names = bot_names()
    with engine.connect() as connection:
        fits = read_fits(connection, settings.bot_schema, names)
        findings = [
            *of_server(connection),
            *of_migrations(connection),
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


def of_roles(connection: sa.Connection, fits: list[Fit], schema: str) -> Iterator[Finding]:
    """What strangers may do with the bot's tables, and in their schema."""
    if connection.execute(sa.text(ANYONE_CREATES), {"schema": schema}).scalar_one():
        what = "any role may create functions here, which others may then run without knowing"
        yield Finding("warning", f"schema {schema}", what, f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC")
    for fit in fits:
        held = connection.execute(sa.text(RIGHTS), {"name": table_of(fit), "strangers": list(STRANGERS)})
        for row in held:
            what = f"{row.roles}, whoever has your project's public key, may {row.privileges} all of it"
            yield Finding("warning", fit.table.name, what, "replyloop db protect closes it")


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

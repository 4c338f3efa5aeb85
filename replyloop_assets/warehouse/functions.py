"""The functions of the database, one file each: made, replaced, or made anew where their form has changed."""

import sqlalchemy as sa
from psycopg.errors import InvalidFunctionDefinition

from replyloop_assets.warehouse.engine import SCHEMA
from replyloop_assets.warehouse.queries import project_file, run_script

HELD = """
    SELECT oid, proname AS name, oid::REGPROCEDURE::TEXT AS signature
    FROM pg_proc
    WHERE pronamespace = CAST(:schema AS REGNAMESPACE)
"""


def replace_functions(connection: sa.Connection) -> None:
    """Bring the functions to what their files say, in the caller's transaction.

    One whose arguments or answer changed is dropped and made anew: `CREATE OR REPLACE` would refuse it, or
    leave the old one beside it as an overload. One that has no file any more is dropped.
    """
    # they call each other: their bodies are checked when they run
    connection.exec_driver_sql("SET LOCAL check_function_bodies = off")
    before = held(connection)
    for path in sorted(project_file("sql/functions").glob("*.sql")):
        former = before.pop(path.stem, {})
        script = path.read_text(encoding="utf-8")
        try:
            with connection.begin_nested():
                run_script(connection, script)
        except InvalidFunctionDefinition:
            drop(connection, former)
            run_script(connection, script)
        else:
            if len(now := held(connection)[path.stem]) > 1:
                drop(connection, {oid: signature for oid, signature in now.items() if oid in former})
    for signatures in before.values():
        drop(connection, signatures)


def held(connection: sa.Connection) -> dict[str, dict[int, str]]:
    """The functions that are there: by name, the signature of each by its oid."""
    found: dict[str, dict[int, str]] = {}
    for row in connection.execute(sa.text(HELD), {"schema": SCHEMA}):
        found.setdefault(row.name, {})[row.oid] = row.signature
    return found


def drop(connection: sa.Connection, signatures: dict[int, str]) -> None:
    """Drop these functions."""
    for signature in signatures.values():
        connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {signature}")

"""Runs the named statements of `sql/sources/`: the staging table first, then the merge in order.

A file there is a sequence of statements, each below a line `-- name: …`. Those whose name begins
with "stage" come before the rows, and the last one of the file counts what happened.
"""

import re
from collections.abc import Mapping

import sqlalchemy as sa

from replyloop_assets.warehouse.queries import read_sql

NAME_LINE = re.compile(r"^-- name: (\w+).*$", re.MULTILINE)
STAGING = "stage"
MEMORY = sa.text("SET LOCAL work_mem = '64MB'")  # a file of 200,000 posts is joined without temporary files
LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtext('replyloop_import'))")


def statements(name: str) -> dict[str, str]:
    """The statements of `sql/sources/<name>.sql` by name, in the order of the file."""
    parts = NAME_LINE.split(read_sql(f"sources/{name}"))[1:]
    return dict(zip(parts[::2], (part.strip().rstrip(";") for part in parts[1::2]), strict=True))


def stage(connection: sa.Connection, name: str) -> None:
    """Create the temporary tables of a merge, gone with the transaction."""
    for statement_name, text in statements(name).items():
        if statement_name.startswith(STAGING):
            connection.execute(sa.text(text))


def merge(connection: sa.Connection, name: str, parameters: Mapping[str, object]) -> dict[str, object]:
    """Quarantine and merge what is staged; returns the row of the last statement.

    Imports wait for each other here, since a bot's tables may lack the unique keys that would keep
    two of them apart.
    """
    connection.execute(LOCK)
    connection.execute(MEMORY)
    run = {**statements("quarantine"), **statements(name)}
    last = None
    for statement_name, text in run.items():
        if not statement_name.startswith(STAGING):
            statement = sa.text(text)
            needed = statement.compile().params.keys()
            last = connection.execute(statement, {key: parameters[key] for key in needed})
    assert last is not None
    return dict(last.mappings().one())

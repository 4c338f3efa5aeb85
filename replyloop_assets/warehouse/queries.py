"""The project's SQL, read by name: `read_sql("stages/daily_rollup")`.

In a checkout `sql/` and the instance files lie beside the package; in a wheel they lie inside it.
"""

from functools import cache
from pathlib import Path

import sqlalchemy as sa

PACKAGE = Path(__file__).parents[1]
ROOT = PACKAGE if (PACKAGE / "sql").is_dir() else PACKAGE.parent


def project_file(name: str) -> Path:
    """A file shipped with the project, `sql/…`, `dagster.yaml` or `workspace.yaml`."""
    return ROOT / name


@cache
def read_sql(name: str) -> str:
    """The text of `sql/<name>.sql`."""
    return project_file(f"sql/{name}.sql").read_text(encoding="utf-8")


def run_script(connection: sa.Connection, text: str) -> None:
    """Run a file of several statements as it stands: no parameters, no percent signs to escape."""
    raw = connection.connection.driver_connection
    assert raw is not None
    with raw.cursor() as cursor:
        cursor.execute(text)

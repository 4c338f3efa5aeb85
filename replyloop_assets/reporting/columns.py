"""The columns of a table for the Dagster UI, read from the recorded schema: one truth for both."""

from functools import cache

import dagster as dg

from replyloop_assets.warehouse.queries import project_file


@cache
def recorded_tables() -> dict[str, list[str]]:
    """The lines of each table in `sql/schema.txt`."""
    tables: dict[str, list[str]] = {}
    for line in project_file("sql/schema.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("table "):
            columns = tables.setdefault(line.removeprefix("table "), [])
        elif line.startswith("  column "):
            columns.append(line.removeprefix("  column "))
    return tables


def table_schema(table: str) -> dg.TableSchema:
    """The names, types and nullability of a table's columns."""
    columns = []
    for line in recorded_tables()[table]:
        name, _, declared = line.partition(" default ")[0].partition(" ")
        required = declared.endswith(" not null")
        columns.append(
            dg.TableColumn(
                name,
                declared.removesuffix(" not null"),
                constraints=dg.TableColumnConstraints(nullable=not required),
            )
        )
    return dg.TableSchema(columns=columns)

"""What the settings name of the bot's, and is not there."""

from collections.abc import Iterator

from replyloop_assets.operator.findings import Finding
from replyloop_assets.warehouse.edges.fit import Fit, Names
from replyloop_assets.warehouse.edges.tables import EDGES

KNOWN = {edge.table: {column.name for column in edge.all_columns} for edge in EDGES}


def of_names(fits: list[Fit], names: Names) -> Iterator[Finding]:
    """Names of tables, of columns, and values for columns, that match nothing."""
    there = {fit.edge.table: fit.table for fit in fits}
    for ours, theirs in names.tables.items():
        if ours not in KNOWN:
            yield unknown("REPLYLOOP_BOT_NAMES", ours, list(KNOWN))
        elif ours not in there:
            what = f"REPLYLOOP_BOT_NAMES names it as {ours}, and there is none: migrating makes an empty one"
            yield Finding("warning", theirs, what, "correct the name, or the schema (REPLYLOOP_BOT_SCHEMA)")
    for ours, theirs in names.columns.items():
        table, _, column = ours.partition(".")
        if column not in KNOWN.get(table, ()):
            yield unknown("REPLYLOOP_BOT_NAMES", ours, sorted(KNOWN.get(table, KNOWN)))
        elif table in there and there[table].alike(theirs) is None:
            what = f"REPLYLOOP_BOT_NAMES names {theirs} as {column}, and there is no such column"
            yield Finding("warning", there[table].name, what, "correct the name")
    for ours in names.values:
        table, _, column = ours.partition(".")
        if table not in KNOWN:
            yield unknown("REPLYLOOP_BOT_VALUES", ours, list(KNOWN))
        elif table in there and there[table].column(column) is None:
            what = f"REPLYLOOP_BOT_VALUES gives {column} a value, and there is no such column"
            yield Finding("warning", there[table].name, what, "correct the name")


def unknown(setting: str, ours: str, known: list[str]) -> Finding:
    """A name that is none of the loop's."""
    return Finding("warning", ours, f"{setting} speaks of it, and it is none of {', '.join(known)}")

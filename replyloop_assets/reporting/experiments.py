"""Experiments for a person and for a program: all of them, and one with every look in words."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from replyloop_assets.text import plain_or_dash
from replyloop_assets.warehouse.queries import read_sql

Row = Mapping[str, Any]
WIDTH_OF_A_FILE = 160


def read_experiments(connection: sa.Connection) -> list[dict[str, Any]]:
    """Every experiment with its newest look, the latest started first, suggestions last."""
    rows = connection.execute(sa.text(read_sql("reports/experiments"))).mappings()
    return [dict(row) for row in rows]


def read_experiment(connection: sa.Connection, key: str) -> dict[str, Any]:
    """One experiment, what happened to it, and all its looks."""
    experiment = next(row for row in read_experiments(connection) if row["id"] == key)
    parts = {
        name: [
            dict(row)
            for row in connection.execute(
                sa.text(read_sql(f"reports/experiment_{name}")), {"id": key}
            ).mappings()
        ]
        for name in ("events", "looks")
    }
    return experiment | parts


def render_experiments(rows: Sequence[Row]) -> Group:
    """All experiments, a line each."""
    if not rows:
        return Group("There is no experiment yet: replyloop experiment create makes one.")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("id", "experiment", "dimension", "status"):
        table.add_column(heading, no_wrap=heading in ("id", "status"))
    for heading in ("day", "control", "treatment", "lift (95%)"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("decision")
    for row in rows:
        table.add_row(
            row["id"][:8],
            *(Text(plain_or_dash(row[name])) for name in ("experiment_name", "dimension", "status")),
            f"{row['look']}/{plain_or_dash(row['horizon_days'])}" if row["look"] else "–",
            count(row["sample_size_control"]),
            count(row["sample_size_treatment"]),
            lift(row),
            Text(plain_or_dash(row["decision"])),
        )
    return Group(table)


def render_experiment(experiment: Row) -> Group:
    """One experiment in words: what it asks, what happened, and each look."""
    pct = experiment["treatment_allocation_pct"]
    known = {name: plain_or_dash(value) for name, value in experiment.items()}
    parts: list[Any] = [
        Text(f"{known['experiment_name']} ({known['id']}): {known['status']}", "bold"),
        Text(known["hypothesis"]),
        Text(
            f"{known['dimension']}: {known['treatment_strategy']} "
            f"({'–' if pct is None else f'{pct:g}%'}) against {known['control_strategy']}, "
            f"at most {known['horizon_days']} days."
        ),
        *(
            Text(f"{event['at']:%Y-%m-%d %H:%M} {event['event']}: {plain_or_dash(event['reason'])}")
            for event in experiment["events"]
        ),
    ]
    if not experiment["looks"]:
        return Group(*parts, "Nobody has looked at it yet.")
    parts.append("")
    for row in experiment["looks"]:
        sizes = f"{row['sample_size_control']:,} control, {row['sample_size_treatment']:,} treatment"
        raw = "" if row["improvement_pct"] is None else f" As measured {row['improvement_pct']:+.0f}%."
        p_value = "" if row["p_value"] is None else f" Welch's p = {row['p_value']:.3f}."
        parts.append(
            Text(f"{row['day']} look {row['look']} ({sizes}): {plain_or_dash(row['reason'])}{raw}{p_value}")
        )
    return Group(*parts)


def lift(row: Row) -> str:
    """The shrunk lift with its interval, or a dash."""
    if row["shrunk_lift_pct"] is None:
        return "–"
    return f"{row['shrunk_lift_pct']:+.0f}% ({row['lift_low_pct']:+.0f} to {row['lift_high_pct']:+.0f})"


def count(value: int | None) -> str:
    """A count, or a dash."""
    return "–" if value is None else f"{value:,}"


def print_group(group: Group) -> None:
    """Draw on the terminal; into a file or a pipe, wide enough to cut nothing."""
    terminal = Console()
    (terminal if terminal.is_terminal else Console(width=WIDTH_OF_A_FILE)).print(group)

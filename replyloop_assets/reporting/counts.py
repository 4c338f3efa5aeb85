"""How much was loaded: counted where that is quick, else estimated, so that a long history costs no more."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from replyloop_assets.warehouse.queries import read_sql

COUNTED = 50_000  # rows of a source that are counted one by one


def read_facts(
    connection: sa.Connection, parameters: Mapping[str, Any], most: int = COUNTED
) -> dict[str, Any]:
    """What was loaded and what of it cannot be used, in rows.

    `estimated` names the counts of sources with more than `most` rows: the planner's estimate of the rows,
    times the share that counts among those looked at. `before_history_start` ends at `most` + 1, and
    `replies_without_outcome` is of the newest `old_posts`, at most `most`.
    """
    asked = {**parameters, "most": most}
    facts: dict[str, Any] = {}
    estimated = []
    for row in connection.execute(sa.text(read_sql("reports/facts")), asked).all():
        facts[row.name] = row.counted
        if row.looked_at > most:
            rows = max(row.looked_at, estimate_rows(connection, row.source))
            facts[row.name] = round(rows * row.counted / row.looked_at)
            estimated.append(row.name)
    unused = connection.execute(sa.text(read_sql("reports/unused_facts")), asked).mappings().one()
    return {**facts, **unused, "estimated": estimated}


def estimate_rows(connection: sa.Connection, source: str) -> int:
    """How many rows the planner thinks a table or view has."""
    plan = connection.execute(sa.text(f'EXPLAIN (FORMAT JSON) SELECT FROM "{source}"')).scalar_one()
    return int(plan[0]["Plan"]["Plan Rows"])


def facts_line(facts: Mapping[str, Any], most: int = COUNTED) -> str:
    """What was loaded, and what of it cannot be used, in words."""

    def amount(name: str) -> str:
        count = facts[name]
        return f"about {float(f'{count:.3g}'):,.0f}" if name in facts["estimated"] else f"{count:,}"

    line = (
        f"{amount('opportunities').capitalize()} opportunities, {amount('replies')} replies "
        f"({amount('posts')} posts in all), {amount('snapshots')} snapshots, "
        f"{amount('accounts')} accounts."
    )
    if without := facts["replies_without_outcome"]:
        if facts["old_posts"] < most:
            line += f" {without:,} old replies have no outcome."
        else:
            line += f" {without:,} replies of the newest {most:,} old posts have no outcome."
    if early := facts["before_history_start"]:
        count = f"{early:,}" if early <= most else f"More than {most:,}"
        line += f" {count} rows lie before the history start."
    if facts["quarantined"]:
        line += f" {amount('quarantined').capitalize()} rows are in quarantine."
    return line

"""The search plan with the reason of every query: read once, shown as text or as JSON."""

from typing import Any

import sqlalchemy as sa
from rich.console import Console, Group
from rich.padding import Padding
from rich.text import Text

from replyloop_assets.warehouse.queries import read_sql

Plan = dict[str, Any]


def read_plan(engine: sa.Engine) -> Plan:
    """Everything `replyloop plan` says: the queries, as of when, and whether they are live.

    `source` is live, history (nothing is live yet: the newest plan of a past window), or None.
    """
    with engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(sa.text(read_sql("reports/plan"))).mappings()]
    source, as_of = (rows[0]["source"], rows[0]["as_of"]) if rows else (None, None)
    queries = [{name: row[name] for name in row if name not in ("source", "as_of")} for row in rows]
    return {"source": source, "as_of": as_of, "queries": queries}


def render_plan(plan: Plan) -> Group:
    """The plan for a person: each query with its share, its reason, and both ways to ask it."""
    if not plan["source"]:
        return Group("There is no plan yet: replyloop materialize makes one.")
    as_of = f"{plan['as_of']:%Y-%m-%d %H:%M} UTC"
    parts: list[Any] = [
        f"The live plan, as of {as_of}:"
        if plan["source"] == "live"
        else f"Nothing is live yet; the newest plan of a past window, as of {as_of}:"
    ]
    for row in plan["queries"]:
        parts += [
            Text(f"\n{row['budget_share']:6.1%}  {row['label']}, priority {row['priority']}", "bold"),
            *(
                Padding(Text(text, style), (0, 0, 0, 8))
                for text, style in (
                    (row["reason"], ""),
                    (f"web  {row['web_query']}", "dim"),
                    (f"API  {row['api_query']}", "dim"),
                )
            ),
        ]
    return Group(*parts)


def print_plan(plan: Plan) -> None:
    """Write the plan on the terminal."""
    Console().print(render_plan(plan))

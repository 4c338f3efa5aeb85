"""What the loop knows and how far it is: read once, shown as text or as JSON."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from replyloop_assets.learning.allocation.rules import rule_of
from replyloop_assets.learning.dimensions import TITLES
from replyloop_assets.learning.incidents.secrets import hide_secrets
from replyloop_assets.learning.metrics import FOLLOWERS, VISITS
from replyloop_assets.reporting.counts import facts_line, read_facts
from replyloop_assets.reporting.health import Seen, three_sentences
from replyloop_assets.settings import Settings
from replyloop_assets.text import plain
from replyloop_assets.warehouse.queries import read_sql

Row = Mapping[str, Any]
Status = dict[str, Any]

MOST = 5
MOST_TOLD = 500  # characters of a message
WIDTH_OF_A_FILE = 120


def read_status(
    engine: sa.Engine, settings: Settings, stages: Sequence[str], stale: Sequence[str], now: datetime
) -> Status:
    """Everything `replyloop status` says, as plain values; `stale` is what no longer turns, in words."""
    parameters = {
        "history_start": settings.history_start,
        "horizon": settings.horizon,
        "grace": settings.grace,
        "stages": list(stages),
        "now": now,
    }
    with engine.connect() as connection:

        def rows(name: str) -> list[Row]:
            result = connection.execute(sa.text(read_sql(f"reports/{name}")), parameters)
            return [dict(row) for row in result.mappings()]

        performance: dict[str, list[Row]] = {}
        rated = rows("performance")
        for row in rated:
            performance.setdefault(row["dimension_type"], []).append(row)
        return {
            "facts": read_facts(connection, parameters),
            "stages": rows("stages"),
            "performance": performance,
            "ranking": ranking(rated[0], settings) if rated else None,
            "allocation": rows("allocation"),
            "experiments": rows("experiments"),
            "health": health(rows, settings, stale, now),
            "events": [
                {**row, **{name: told(row[name]) for name in ("component", "message")}}
                for row in rows("events")
            ],
        }


def told(text: str | None) -> str:
    """What a bot or a library said, without its secrets and without orders to the terminal."""
    return plain(hide_secrets(text or ""), MOST_TOLD)


def health(
    rows: Callable[[str], list[Row]], settings: Settings, stale: Sequence[str], now: datetime
) -> dict[str, Any]:
    """The newest verdict, status unknown where there is none, and the three sentences about it."""
    verdict, pivot = (next(iter(rows(name)), None) for name in ("health", "pivot"))
    seen = Seen(verdict, pivot, stale, rows("errors"))
    return {
        **(verdict or {"status": "unknown"}),
        "pivot": pivot,
        "stale": list(stale),
        "sentences": three_sentences(seen, settings, now),
    }


def render_status(status: Status, most: int = MOST) -> Group:
    """The status for a person: what is there, what was learnt, what to do next."""
    parts: list[Any] = [facts_line(status["facts"])]
    filled = [stage for stage in status["stages"] if stage["days"]]
    failures = [
        f"{stage['stage']} of {failure}" for stage in status["stages"] for failure in stage["failures"] or ()
    ]
    if not status["facts"]["posts"] and not status["facts"]["opportunities"]:
        parts.append("Nothing is loaded yet: replyloop import FILE brings in an X export.")
    elif not filled:
        parts.append("Nothing is computed yet: replyloop materialize fills the days.")
    parts.append(Text(f"Health: {' '.join(status['health']['sentences'])}"))
    if told := status.get("doctor"):
        parts.append(Text(f"replyloop doctor says: {'; '.join(plain(one, None) for one in told)}.", "yellow"))
    if status["performance"]:
        as_of = next(iter(status["performance"].values()))[0]["as_of"]
        parts.append(f"\nThe window that ends {as_of:%Y-%m-%d %H:%M} UTC. {status['ranking']}")
    for dimension, title in TITLES.items():
        if rows := status["performance"].get(dimension):
            parts += [performance_table(title, rows, most), ""]
    if status["allocation"]:
        parts += [allocation_table(status["allocation"], most), ""]
    parts += [experiment_line(row) for row in status["experiments"]]
    if filled:
        newest = max(stage["newest_day"] for stage in filled)
        parts.append(f"Filled: {filled[0]['first_day']} to {newest}, {len(filled)} stages.")
    parts += [Text(f"Not computed: {failure}", style="red") for failure in failures]
    parts += [
        Text(
            f"{row['severity']}: {row['component'] or row['event_type']}: {row['message']}",
            "yellow",
        )
        for row in status["events"]
    ]
    return Group(*parts)


def performance_table(title: str, rows: Sequence[Row], most: int) -> Table:
    """The best values of one dimension, a line each: what a reply brought, and what it is believed to."""
    table = plain_table(title)
    believed = f"believed {rows[0]['believed_metric'] or FOLLOWERS.name} (95%)"
    for heading in ("replies", "followers", believed, "visits", "ROI"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("tier", no_wrap=True)
    table.add_column("a week", no_wrap=True)
    for row in rows[:most]:
        rated = row["performance_tier"] is not None
        table.add_row(
            Text(row["dimension_value"]),
            f"{row['reply_count']:,}",
            number(row["avg_followers_gained"]),
            likely(row),
            number(row["avg_profile_clicks"]),
            f"{row['roi_score']:.0f}%" if rated else "–",
            row["performance_tier"] or "not rated",
            trend(row),
        )
    if len(rows) > most:
        table.add_row(Text(f"… {len(rows) - most} more", "dim"))
    return table


def allocation_table(rows: Sequence[Row], most: int) -> Table:
    """The shares of each dimension, a line each."""
    table = plain_table("Effort")
    table.add_column("shares")
    shared: dict[str, list[str]] = {}
    for row in rows:
        shared.setdefault(row["dimension"], []).append(f"{row['value']} {row['allocation_pct']:g}%")
    for dimension, shares in shared.items():
        more = f" … {len(shares) - most} more" if len(shares) > most else ""
        table.add_row(Text(dimension), Text(", ".join(shares[:most]) + more))
    return table


def plain_table(title: str) -> Table:
    """A table without lines, whose first column bears the title."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.add_column(title, no_wrap=True, min_width=16, max_width=22, overflow="ellipsis")
    return table


def experiment_line(row: Row) -> Text:
    """One experiment in a sentence."""
    return Text(
        f"Experiment {row['experiment_name']} ({row['treatment_strategy']} against "
        f"{row['control_strategy']}): {row['status']}, {row['decision'] or 'no look yet'}. "
        f"{row['reason'] or ''}"
    )


def likely(row: Row) -> str:
    """What is believed, with its interval: what a few replies alone would overstate; else a dash."""
    if row["shrunk_mean"] is None:
        return "–"
    return f"{row['shrunk_mean']:.2f} ({row['interval_low']:.2f}–{row['interval_high']:.2f})"


def ranking(row: Row, settings: Settings) -> str:
    """What ranks, tiers and shares go by, in words, from any row of the window."""
    explored = settings.allocation.exploration_share
    others = (
        "tiers and ROI by the plain average of followers against that of all replies, and effort by "
        f"{rule_of(settings.allocation).goes_by}, at least {explored:g}% of it exploring."
    )
    if row["believed_metric"] != VISITS.name:
        return f"Ranks go by the followers that a reply is believed to bring, {others}"
    per_visit, low, high = (row[name] for name in ("conversion", "conversion_low", "conversion_high"))
    return (
        "Too few replies bring a follower to rank by followers: ranks go by the profile visits that a reply "
        f"is believed to bring (a visit brings {per_visit:.2g} followers, likely {low:.2g} to {high:.2g}), "
        f"{others}"
    )


def trend(row: Row) -> str:
    """What weeks have shown of it, a dash where that is not known."""
    if row["trend"] in ("rising", "falling"):
        return f"{'↑' if row['trend'] == 'rising' else '↓'} {abs(row['trend_per_week']):.0%}"
    return "flat" if row["trend"] == "flat" else "–"


def number(value: float | None) -> str:
    """A figure, or a dash where nobody measured it."""
    return "–" if value is None else f"{value:.2f}"


def print_status(status: Status) -> None:
    """Draw the status on the terminal."""
    console_or_file().print(render_status(status))


def console_or_file() -> Console:
    """Standard output: the terminal, or else wide enough to cut nothing."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=WIDTH_OF_A_FILE)

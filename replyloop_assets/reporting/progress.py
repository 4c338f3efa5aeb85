"""What a life has shown so far, while it is lived: from what the status reads, as it says it in the end."""

from typing import Any

from rich.console import Group
from rich.text import Text

from replyloop_assets.learning.dimensions import TITLES
from replyloop_assets.learning.metrics import METRICS
from replyloop_assets.reporting.status import MOST, Row, Status, likely, performance_table

GENERATOR = "generator"
MANY = {metric.name: metric.many for metric in METRICS}


def render_first_look(status: Status, day: int, is_followed: bool) -> Group:
    """What replies brought so far by generator, and what that says."""
    rows = status["performance"].get(GENERATOR, [])
    parts: list[Any] = [describe_progress(status, day, is_followed)]
    if rows:
        parts.append(performance_table(TITLES[GENERATOR], rows, MOST))
    return Group(*parts)


def describe_progress(status: Status, day: int, is_followed: bool) -> Text:
    """Which generator is believed to bring most and what share it gets, and whether anything is wrong.

    `is_followed`: the bot does what is decided; else the share is what it would get.
    """
    said = f"Day {day}, {status['facts']['replies']:,} replies:"
    rows = status["performance"].get(GENERATOR, [])
    if not rows:
        return Text(f"{said} what they bring is not known yet.")
    best: Row = rows[0]
    name, brings = best["dimension_value"], MANY[best["believed_metric"]]
    believed = f"a reply by {name} is believed to bring most, {likely(best)} {brings}"
    shares = [
        f"; it {'gets' if is_followed else 'would get'} {row['allocation_pct']:g}% of the effort"
        for row in status["allocation"]
        if (row["dimension"], row["value"]) == (GENERATOR, name)
    ]
    return Text(f"{said} {believed}{''.join(shares)}. {status['health']['sentences'][0]}")

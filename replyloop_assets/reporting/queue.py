"""The queue as the bot sees it, each post with the reason for its place in words."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from rich.console import Console, Group
from rich.padding import Padding
from rich.text import Text

from replyloop_assets.text import plain
from replyloop_assets.warehouse.queries import read_sql

Row = Mapping[str, Any]
Queue = dict[str, Any]

TEXT_SHOWN = 200  # characters of a post


def read_queue(engine: sa.Engine, most: int, now: datetime) -> Queue:
    """Everything `replyloop queue` says, as plain values; nothing is decided by looking."""
    parameters = {"most": most, "now": now}
    with engine.connect() as connection:
        facts, queue = (
            [dict(row) for row in connection.execute(sa.text(read_sql(name)), parameters).mappings()]
            for name in ("reports/queue_facts", "reports/queue")
        )
    return {"facts": facts[0], "queue": queue}


def render_queue(answer: Queue) -> Group:
    """The queue for a person: the best first; where there is none, why."""
    parts: list[Any] = [queue_line(answer["facts"])]
    for place, row in enumerate(answer["queue"], start=1):
        name = row["target_username"]
        parts.append(Text(f"\n{place}. @{name}  https://x.com/{name}/status/{row['tweet_id']}", "bold"))
        lines = [(row["reason"], "")]
        if generator := row["likely_generator"]:
            followers = row["predicted_followers"]
            expected = "" if followers is None else f", {followers:.1f} followers expected"
            lines.append((f"likely by {generator}{expected}", ""))
        if said := " ".join(plain(row["tweet_text"] or "", None).split()):
            lines.append((said if len(said) <= TEXT_SHOWN else f"{said[:TEXT_SHOWN]} …", "dim"))
        parts += [Padding(Text(plain(text, None), style), (0, 0, 0, 3)) for text, style in lines]
    return Group(*parts)


def queue_line(facts: Row) -> str:
    """How many wait, or why none does."""
    claimed = f" Claimed at present: {facts['claimed']:,}." if facts["claimed"] else ""
    if facts["waiting"]:
        posts, authors = counted(facts["waiting"], "post"), counted(facts["authors"], "author")
        return f"{posts} of {authors} to answer.{claimed}"
    if not facts["found"]:
        return "The queue is empty: no post was found yet. A bot tells of one with record_opportunity."
    return (
        f"The queue is empty: of {facts['found']:,} posts found, the newest at "
        f"{facts['newest_found_at']:%Y-%m-%d %H:%M} UTC, none is fresh, unanswered and of an author who was "
        f"not answered lately.{claimed}"
    )


def counted(number: int, noun: str) -> str:
    """A number of things."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def print_queue(answer: Queue) -> None:
    """Write the queue on the terminal."""
    Console().print(render_queue(answer))

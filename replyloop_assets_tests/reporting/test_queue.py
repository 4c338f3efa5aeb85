"""The queue in words: what waits and why, and why nothing does."""

import json
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from rich.console import Console

from replyloop_assets.client import Loop
from replyloop_assets.reporting.queue import read_queue, render_queue

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def shown(engine: sa.Engine, now: datetime = NOW, most: int = 10) -> str:
    console = Console(width=300)
    with console.capture() as captured:
        console.print(render_queue(read_queue(engine, most, now)))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def test_the_queue_from_empty_to_empty(engine: sa.Engine) -> None:
    assert shown(engine).startswith("The queue is empty: no post was found yet.")
    with Loop(engine.url.render_as_string(hide_password=False)) as loop:
        for number, likes in ((1, 30_000), (2, 60_000), (3, 90_000)):
            name = f"author{min(number, 2)}"
            text = "two\nlines \x1b[31m" + 500 * "long "
            loop.record_opportunity(str(number), name, likes, 10, 30, tweet_text=text, discovered_at=NOW)
        said = shown(engine)
        assert said.startswith(
            "3 posts of 2 authors to answer.\n\n1. @author2  https://x.com/author2/status/3\n"
        )
        assert "   Score 65.0: 50K-100K likes, <2h old.\n   likely by ResearchSynthesizer\n" in said
        assert "   two lines [31mlong long" in said
        assert "2. @author1" not in shown(engine, most=1)
        assert len(loop.claim_next(2, at=NOW)) == 2
        said = shown(engine)
    assert said.endswith("not answered lately. Claimed at present: 2.")
    assert "of 3 posts found, the newest at 2026-11-20 12:00 UTC" in said
    assert shown(engine, NOW + timedelta(hours=1)).startswith("3 posts of 2 authors to answer.\n")


def test_the_answer_is_plain_json(engine: sa.Engine) -> None:
    with Loop(engine.url.render_as_string(hide_password=False)) as loop:
        loop.record_opportunity("1", "author", 30_000, 10, 30, discovered_at=NOW)
        peeked = loop.peek_queue(at=NOW)
    answer = json.loads(json.dumps(read_queue(engine, 10, NOW), default=str))
    assert answer["facts"]["waiting"] == answer["facts"]["authors"] == 1
    assert answer["queue"] == [vars(post) for post in peeked]

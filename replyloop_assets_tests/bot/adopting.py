"""A small life on a bot's own tables: what was found, answered and measured, and what is learnt of it."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from replyloop_assets.partitions import days_between
from replyloop_assets.warehouse.edges.fit import Names
from replyloop_assets_tests.bot.calls import ask, rows_of, tell
from replyloop_assets_tests.life import fill

AT = datetime(2026, 5, 20, 12, tzinfo=UTC)
ID, REPLY = "1930000000000000001", "1940000000000000001"
DECISION = "00000000-0000-4000-8000-00000000abcd"
Adopt = Callable[..., sa.Engine]


def names(*pairs: str, values: dict[str, str] | None = None, zone: str = "UTC") -> Names:
    given = dict(pair.split("=") for pair in pairs)
    return Names(
        {ours: theirs for ours, theirs in given.items() if "." not in ours},
        {ours: theirs for ours, theirs in given.items() if "." in ours},
        values or {},
        zone,
        ("posted", "published"),
    )


def tell_a_life(engine: sa.Engine, decision: str = DECISION) -> list[str]:
    """A post is found, claimed, answered and measured; the statuses that the functions gave."""
    found = tell(
        engine, "record_opportunity", tweet_id=ID, target_username="somebody", like_count=12_000,
        reply_count=10, posted_minutes_ago=5, author_follower_count=50_000, discovered_at=AT,
    )  # fmt: skip
    claims = ask(engine, "claim_next", at=AT)
    told = tell(
        engine, "record_reply", decision_id=decision, tweet_id=REPLY, posted_at=AT, content="Yes.",
        target_tweet_id=ID, target_username="somebody",
    )  # fmt: skip
    later = datetime(2026, 5, 21, 13, tzinfo=UTC)
    measured = tell(
        engine, "record_metrics", tweet_id=REPLY, collected_at=later, followers_gained=20, likes=9
    )
    return [found["status"], *(claim["tweet_id"] for claim in claims), told["status"], measured["status"]]


WHOLE = ["recorded", ID, "recorded", "recorded"]


def learn(engine: sa.Engine) -> list[Any]:
    """The outcome that the chain makes of that life."""
    fill(engine, datetime(2026, 5, 22, 12, tzinfo=UTC), days_between(date(2026, 5, 20), date(2026, 5, 22)))
    query = "SELECT account, slots ->> 'engagement_tier', followers_gained, likes FROM reply_outcomes"
    return [tuple(row) for row in rows_of(engine, query)]


LEARNT = [("somebody", "10K-25K", 20, 9)]

"""The queue that is kept ready for claims: whatever happens, it holds what a look at everything would find."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa
from scipy import stats

from replyloop_assets.warehouse.migrations import migrate
from replyloop_assets_tests.bot.adopting import Adopt
from replyloop_assets_tests.bot.calls import (
    HOUR,
    MINUTE,
    NOW,
    allocate,
    ask,
    ledger,
    publish,
    rows_of,
    run,
    tell,
)

NUMBERS = count(1)
KEPT = """
    SELECT post.opportunity_id, post.account, known.slots, post.score
    FROM queue_posts AS post INNER JOIN queue_slots AS known ON post.slot = known.slot
"""
OPEN = "SELECT opportunity_id, account, slots, score FROM open_opportunities(%(at)s)"
DIFFERENCE = f"(({KEPT}) EXCEPT ({OPEN})) UNION ALL (({OPEN}) EXCEPT ({KEPT}))"


def check(engine: sa.Engine, at: datetime) -> int:
    """Bring the queue to an instant, hold it against a look at everything, and say how many it holds."""
    with engine.begin() as connection:
        connection.exec_driver_sql("SELECT refresh_queue(%s)", (at,))
        assert connection.exec_driver_sql(DIFFERENCE, {"at": at}).all() == []
        held = connection.exec_driver_sql(f"SELECT count(*), count(DISTINCT opportunity_id) FROM ({KEPT}) k")
        assert len(set(row := tuple(held.one()))) == 1
        return int(row[0])


def find(engine: sa.Engine, at: datetime, **told: Any) -> str:
    """A post that a bot tells of; its id."""
    post = str(next(NUMBERS))
    known = {"target_username": f"a{post}", "like_count": 20_000, "reply_count": 10, "posted_minutes_ago": 30}
    tell(engine, "record_opportunity", tweet_id=post, discovered_at=at, **(known | told))
    return post


class Life:
    """What a bot and time may do to a queue, by chance."""

    def __init__(self, engine: sa.Engine, seed: int) -> None:
        self.engine = engine
        self.rng = random.Random(seed)
        self.at = NOW
        self.posts: list[tuple[str, str]] = []
        self.claims: list[str] = []

    def author(self) -> str:
        return self.rng.choice(["One", "two", "Three", "four", "five", "six", "seven", "eight"])

    def finds(self) -> None:
        author, age = self.author(), int(self.rng.expovariate(1 / 300))
        likes, replies = int(10 ** self.rng.uniform(2, 6)), self.rng.choice([0, 150, 300, 900])
        found = self.at - self.rng.choice([0, 0, 0, 1, -1]) * self.rng.random() * 3 * HOUR
        query = self.rng.choice([None, "q1", "q2"])
        told = {"like_count": likes, "reply_count": replies, "posted_minutes_ago": age, "search_query": query}
        self.posts.append((find(self.engine, found, target_username=author, **told), author))

    def writes_a_finding_itself(self) -> None:
        post, author = str(next(NUMBERS)), self.author()
        if self.posts and self.rng.random() < 0.3:  # the same post, found once more
            post, author = self.rng.choice(self.posts)
        name = self.rng.choice([author, author, "no user's name"])
        run(
            self.engine,
            "INSERT INTO reply_opportunities (tweet_id, target_username, like_count, posted_minutes_ago,"
            " discovered_at) VALUES (%s, %s, %s, %s, %s)",
            *(post, name, self.rng.randrange(200_000), self.rng.choice([None, 20, -5]), self.at),
        )
        self.posts.append((post, author))

    def claims_some(self) -> None:
        rows = ask(self.engine, "claim_next", most=self.rng.choice([1, 1, 3]), at=self.at)
        self.claims += [row["decision_id"] for row in rows]

    def replies(self) -> None:
        if self.claims:
            decision = self.claims.pop(self.rng.randrange(len(self.claims)))
            told = self.at - self.rng.choice([0, 0, 30]) * HOUR
            reply = str(next(NUMBERS))
            tell(self.engine, "record_reply", decision_id=decision, tweet_id=reply, posted_at=told)
            gained = self.rng.choice([0, 40])
            later = {"collected_at": self.at, "followers_gained": gained}
            tell(self.engine, "record_metrics", tweet_id=reply, **later)

    def writes_a_reply_itself(self) -> None:
        if self.posts:
            post, author = self.rng.choice(self.posts)
            run(
                self.engine,
                "INSERT INTO content_metadata (decision_id, target_tweet_id, target_username)"
                " VALUES (%s, %s, %s)",
                *(f"own {next(NUMBERS)}", post, author),
            )

    def posts_what_it_wrote(self) -> None:
        run(self.engine, "UPDATE content_metadata SET posted_at = %s WHERE posted_at IS NULL", self.at)

    def takes_replies_back(self) -> None:
        run(self.engine, "DELETE FROM content_metadata WHERE random() < 0.5 AND target_tweet_id IS NULL")
        run(self.engine, "UPDATE content_metadata SET posted_at = posted_at - INTERVAL '1 day'")

    def ends_leases(self) -> None:
        run(self.engine, "DELETE FROM opportunity_claims WHERE random() < 0.5")

    def settles(self) -> None:
        hours = {"opportunity_use_hours": self.rng.choice([2, 24, 30])}
        publish(self.engine, author_cooldown_hours=self.rng.choice([0, 5, 24]), **hours)

    def waits(self) -> None:
        self.at += self.rng.choice([MINUTE, 20 * MINUTE, HOUR, 5 * HOUR, -MINUTE, -3 * HOUR])


@pytest.mark.parametrize("seed", range(4))
def test_the_queue_holds_what_is_open_whatever_happens(engine: sa.Engine, seed: int) -> None:
    life = Life(engine, seed)
    deeds = (
        *(life.finds,) * 6, *(life.waits,) * 4, *(life.claims_some,) * 2, *(life.replies,) * 2,
        life.writes_a_finding_itself, life.writes_a_finding_itself, life.writes_a_reply_itself,
        life.posts_what_it_wrote, life.takes_replies_back, life.ends_leases, life.settles,
    )  # fmt: skip
    sizes = []
    for _ in range(120):
        deed = life.rng.choice(deeds)
        deed()
        sizes.append(check(engine, life.at))
    assert max(sizes) > 5
    assert min(sizes[20:]) < 3

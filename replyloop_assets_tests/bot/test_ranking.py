"""The queue that is kept ready for claims: it always holds what a look at everything would find."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa

from replyloop_assets.warehouse.queries import read_sql
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
        held = connection.exec_driver_sql("SELECT opportunity_id FROM queue_posts WHERE slot IS NOT NULL")
        ids = held.scalars().all()
        assert len(ids) == len(set(ids))
        return len(ids)


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


def test_a_post_of_a_transaction_that_took_its_time_is_not_missed(engine: sa.Engine) -> None:
    find(engine, NOW)
    late = (
        "INSERT INTO reply_opportunities (tweet_id, target_username, discovered_at, recorded_at)"
        " VALUES (%s, 'b', %s, %s)"
    )
    began = rows_of(engine, "SELECT clock_timestamp() - INTERVAL '5 minutes'")[0][0]
    with engine.connect() as slow:
        slow.exec_driver_sql(late, ("77", NOW, began))
        assert [check(engine, NOW + n * MINUTE) for n in range(3)] == [1, 1, 1]
        slow.commit()
    assert check(engine, NOW + 4 * MINUTE) == 2


def test_what_a_bot_changes_in_its_own_table_is_seen_when_its_turn_comes(engine: sa.Engine) -> None:
    best, second, third = (find(engine, NOW, like_count=likes) for likes in (90_000, 80_000, 70_000))
    check(engine, NOW)
    run(engine, "UPDATE reply_opportunities SET like_count = 1000 WHERE tweet_id = %s", best)
    run(engine, "DELETE FROM reply_opportunities WHERE tweet_id = %s", second)
    rows = ask(engine, "claim_next", most=5, at=NOW)
    assert [(row["tweet_id"], row["score"]) for row in rows] == [(third, 55), (best, Decimal("20.5"))]


def test_where_rows_have_no_date_of_their_own_all_are_looked_at(adopt: Adopt) -> None:
    engine = adopt(
        "CREATE TABLE finds (id SERIAL PRIMARY KEY, tweet_id TEXT, username TEXT, found_at TIMESTAMPTZ);"
        "CREATE VIEW reply_opportunities AS SELECT * FROM finds"
    )
    for number in range(3):  # each found long before the last claim
        found = NOW - number * HOUR
        row = (str(number), f"a{number}", found)
        run(engine, "INSERT INTO finds (tweet_id, username, found_at) VALUES (%s, %s, %s)", *row)
        (taken,) = ask(engine, "claim_next", at=NOW)
        assert taken["tweet_id"] == str(number)
    run(engine, "DELETE FROM opportunity_claims")
    assert check(engine, NOW) == 3


def test_what_the_chain_learnt_of_the_authors_counts_for_the_next_claim(engine: sa.Engine) -> None:
    post = find(engine, NOW, target_username="one")
    find(engine, NOW, target_username="two", like_count=22_000)
    check(engine, NOW)
    run(engine, "INSERT INTO discovered_accounts (username, avg_followers_per_reply) VALUES ('One', 20)")
    run(engine, read_sql("stages/reply_performance_analytics_queue"))
    check(engine, NOW)
    (row,) = ask(engine, "claim_next", at=NOW)
    assert (row["tweet_id"], row["score"]) == (post, 60)


TIERS = {"<5K": 1_000, "10K-25K": 20_000, "50K-100K": 60_000}


def test_no_slot_starves_and_each_gives_its_best_first(engine: sa.Engine) -> None:
    allocate(engine, "engagement_tier", {"<5K": 0.02, "10K-25K": 0.9, "50K-100K": 0.08})
    allocate(engine, "search_query", {"q1": 0.95, "q2": 0.05})
    left: dict[tuple[str, str], list[str]] = {}
    for place in range(20):
        for tier, likes in TIERS.items():
            query = f"q{place % 2 + 1}"
            post = find(engine, NOW, like_count=likes + place * 100, search_query=query)
            left.setdefault((tier, query), []).insert(0, post)
    held = []
    while rows := ask(engine, "claim_next", most=1 + len(held) % 3, at=NOW):
        held += rows
        for row in rows:
            slot = (row["arms"]["engagement_tier"], row["arms"]["search_query"])
            assert row["tweet_id"] == left[slot].pop(0)
    assert not any(left.values())
    assert len(held) == 60


def test_what_claims_at_once_draw_from_is_what_those_before_have_left(engine: sa.Engine) -> None:
    allocate(engine, "engagement_tier", {"<5K": 0.4, "10K-25K": 0.35, "50K-100K": 0.25})
    rng = random.Random(3)
    left: dict[str, set[str]] = {}
    for _ in range(60):
        author, tier = f"a{rng.randrange(40)}", rng.choice(list(TIERS))
        find(engine, NOW, target_username=author, like_count=TIERS[tier])
        left.setdefault(author, set()).add(tier)

    def take(_: int) -> None:
        while ask(engine, "claim_next", at=NOW):
            pass

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(take, range(6)))
    entries = ledger(engine)
    # a transaction has its number from the first that it writes: while it is the one that claims
    order = "SELECT decision_id, account FROM opportunity_claims ORDER BY xmin::TEXT::BIGINT"
    for claim in rows_of(engine, order):
        entry = entries["engagement_tier", claim.decision_id]
        assert set(entry.available) == set().union(*left.values())
        assert entry.arm in left.pop(claim.account)
    assert not left

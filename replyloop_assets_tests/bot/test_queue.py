"""The queue: who is in it, in what order, and what a claim draws, leases and remembers."""

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa
from scipy import stats

from replyloop_assets_tests.bot.calls import (
    HOSTILE,
    HOUR,
    MINUTE,
    NOW,
    allocate,
    arm_by_hash,
    ask,
    everything,
    ledger,
    prefer,
    publish,
    rows_of,
    run,
    start_experiment,
    tell,
)

NUMBERS = count(1_000)


def find(engine: sa.Engine, author: str = "", age: timedelta = 30 * MINUTE, **told: Any) -> str:
    """A post found now, written so long ago; returns its id."""
    number = str(next(NUMBERS))
    answer = tell(
        engine,
        "record_opportunity",
        **{
            "tweet_id": number,
            "target_username": author or f"a{number}",
            "like_count": 20_000,
            "reply_count": 10,
            "posted_minutes_ago": int(age / MINUTE),
            "discovered_at": NOW,
        }
        | told,
    )
    assert answer["status"] == "recorded"
    return number


def queued(engine: sa.Engine, at: datetime = NOW, most: int | None = 1000) -> list[str]:
    return [row["tweet_id"] for row in ask(engine, "peek_queue", most=most, at=at)]


def claim(engine: sa.Engine, most: int | None = 1, at: datetime | None = NOW) -> list[dict[str, Any]]:
    return ask(engine, "claim_next", most=most, claimed_by="a bot", at=at)


def answer(engine: sa.Engine, decision: str, at: datetime = NOW, **told: Any) -> None:
    told = {"decision_id": decision, "tweet_id": str(next(NUMBERS)), "posted_at": at} | told
    assert tell(engine, "record_reply", **told) == {"status": "recorded"}


# ---- who is in it


def test_an_empty_queue_answers_nothing(engine: sa.Engine) -> None:
    before = everything(engine)
    assert queued(engine) == claim(engine) == claim(engine, 100) == []
    assert everything(engine) == before


@pytest.mark.parametrize(
    ("found_ago", "age", "is_open"),
    [
        (0, 0, True),
        (23.9, 0, True),
        (24, 0, False),
        (0, 23.9, True),
        (0, 24, False),
        (12, 11.9, True),
        (12, 12, False),
        (-0.1, 0, False),
    ],
)
def test_a_post_is_of_use_for_a_day(engine: sa.Engine, found_ago: float, age: float, is_open: bool) -> None:
    post = find(engine, discovered_at=NOW - found_ago * HOUR, age=age * HOUR)
    assert queued(engine) == [post] * is_open
    assert [row["tweet_id"] for row in claim(engine)] == [post] * is_open


def test_how_long_a_post_is_of_use_is_a_setting(engine: sa.Engine) -> None:
    post = find(engine, age=30 * HOUR)
    assert queued(engine) == []
    publish(engine, opportunity_use_hours=31)
    assert queued(engine) == [post]


def test_own_posts_and_answered_ones_are_out(engine: sa.Engine) -> None:
    own, answered, free = (find(engine) for _ in range(3))
    answer(engine, "d1", tweet_id=own, target_username="somebody")
    answer(engine, "d2", target_tweet_id=answered)
    assert queued(engine) == [free]


def test_an_author_rests_after_a_reply_whatever_the_case_of_the_name(engine: sa.Engine) -> None:
    find(engine, "Famous")
    second = find(engine, "famous", discovered_at=NOW + 20 * HOUR)
    answer(engine, "d", target_username="@FAMOUS", at=NOW - HOUR)
    assert queued(engine, NOW) == queued(engine, NOW + 22.9 * HOUR) == []
    assert queued(engine, NOW + 23.1 * HOUR) == [second]
    publish(engine, author_cooldown_hours=48)
    assert queued(engine, NOW + 24 * HOUR) == []


def test_an_account_that_was_answered_through_a_claim_comes_back(engine: sa.Engine) -> None:
    find(engine, "author")
    (taken,) = claim(engine)
    answer(engine, taken["decision_id"], NOW + 5 * MINUTE)
    later = find(engine, "author", discovered_at=NOW + 25 * HOUR)
    assert queued(engine, NOW + 25 * HOUR) == [later]


def test_a_lease_expires_and_the_post_is_offered_again(engine: sa.Engine) -> None:
    post = find(engine, "author", like_count=90_000)
    find(engine, "author")
    (first,) = claim(engine)
    assert (first["tweet_id"], first["lease_until"]) == (post, NOW + 30 * MINUTE)
    assert claim(engine, at=NOW + 29 * MINUTE) == queued(engine, NOW + 29 * MINUTE) == []
    (second,) = claim(engine, at=NOW + 30 * MINUTE)
    assert second["tweet_id"] == post
    assert second["decision_id"] != first["decision_id"]
    publish(engine, lease_minutes=5)
    (third,) = claim(engine, at=NOW + 60 * MINUTE)
    assert third["lease_until"] == NOW + 65 * MINUTE


def test_a_reply_after_its_lease_still_knows_its_decision(engine: sa.Engine) -> None:
    post = find(engine, "author")
    trial = start_experiment(engine, "generator", "Old", "New", 50)
    (first,) = claim(engine)
    claim(engine, at=NOW + HOUR)
    answer(engine, first["decision_id"], NOW + HOUR)
    (row,) = rows_of(engine, "SELECT * FROM content_metadata")
    assert (row.target_tweet_id, row.generator_name) == (post, first["generator"])
    assert (str(row.experiment_id), row.experiment_variant) == (trial, first["variant"])


def test_whatever_lies_in_the_table_the_queue_holds_whom_it_should(engine: sa.Engine) -> None:
    rng = random.Random(7)
    authors = [f"author{n}" for n in range(60)]
    posts = []
    for _ in range(250):
        author, found, age = rng.choice(authors), NOW - rng.random() * 30 * HOUR, rng.random() * 30 * HOUR
        likes, replies = rng.choice([900, 7_000, 20_000, 60_000, 300_000]), rng.choice([0, 150, 300, 900])
        minutes = int(age / MINUTE)
        post = find(engine, author, age, discovered_at=found, like_count=likes, reply_count=replies)
        posts.append((post, author, found, found - minutes * MINUTE, likes, replies))
    resting, done = set(), set()
    for number in range(25):
        post, author, *_ = rng.choice(posts)
        at = NOW - rng.random() * 48 * HOUR
        answer(engine, f"r{number}", at, target_tweet_id=post, target_username=author)
        done.add(post)
        if at > NOW - 24 * HOUR:
            resting.add(author)
    for author in rng.sample(authors, 10):
        average = rng.choice([0, 7, 12, 40])
        run(
            engine,
            "INSERT INTO discovered_accounts (username, avg_followers_per_reply) VALUES (%s, %s)",
            author.upper(),
            average,
        )
    boost = {
        row.username.lower(): 30 if row.a >= 15 else 20 if row.a >= 10 else 10 if row.a >= 5 else 0
        for row in rows_of(engine, "SELECT username, avg_followers_per_reply AS a FROM discovered_accounts")
    }

    def score(post: tuple[Any, ...]) -> Decimal:
        minutes = int((NOW - post[3]) / MINUTE)
        recency = 20 if minutes < 120 else 10 if minutes < 360 else 5 if minutes < 1440 else 0
        crowd = 20 if post[5] > 500 else 10 if post[5] > 200 else 5 if post[5] > 100 else 0
        return max(
            Decimal(0), min(Decimal(post[4]) / 2000, Decimal(50)) + boost.get(post[1], 0) + recency - crowd
        )

    day = timedelta(days=1)
    may = [
        p for p in posts if p[2] > NOW - day and p[3] > NOW - day and p[1] not in resting and p[0] not in done
    ]
    best: dict[str, tuple[Decimal, int]] = {}
    for post in may:
        best[post[1]] = min(best.get(post[1], (Decimal(1), 0)), (-score(post), int(post[0])))
    expected = [(str(post), -minus) for minus, post in sorted(best.values(), key=lambda b: (b[0], str(b[1])))]
    rows = ask(engine, "peek_queue", most=1000, at=NOW)
    assert [(row["tweet_id"], row["score"]) for row in rows] == expected
    assert 20 < len(rows) < 60
    assert [row["tweet_id"] for row in ask(engine, "peek_queue", most=5, at=NOW)] == [
        p for p, _ in expected[:5]
    ]
    assert [row["tweet_id"] for row in claim(engine, 100)] == [post for post, _ in expected], (
        "no allocation yet"
    )


# ---- looking


def test_looking_writes_nothing_and_says_why(engine: sa.Engine) -> None:
    run(engine, "INSERT INTO discovered_accounts (username, avg_followers_per_reply) VALUES ('One', 12.5)")
    prefer(engine, "*", {"Storyteller": 0.9, "ResearchSynthesizer": 0.1})
    allocate(engine, "engagement_tier", {"10K-25K": 1.0})
    start_experiment(engine, "generator", "Old", "New")
    post = find(engine, "one", tweet_text="hello", author_follower_count=200_000)
    before = everything(engine)
    (row,) = ask(engine, "peek_queue", at=NOW)
    assert row == {
        "tweet_id": post,
        "target_username": "one",
        "tweet_text": "hello",
        "engagement_tier": "10K-25K",
        "account_size": "100K-500K",
        "timing_window": "<2h",
        "score": 50,
        "likely_generator": "Storyteller",
        "predicted_followers": 4.5,
        "reason": "Score 50.0: 10K-25K likes, <2h old, replies to this account brought 12.5 followers each."
        " Storyteller brought most.",
    }
    ask(engine, "read_search_plan")
    ask(engine, "score_opportunity", like_count=1, posted_minutes_ago=1, reply_count=1, username="one")
    assert everything(engine) == before


def test_how_many_are_wanted(engine: sa.Engine) -> None:
    for _ in range(15):
        find(engine)
    assert [len(queued(engine, most=most)) for most in (-1, 0, 1, 7, 15, 10**9, None)] == [
        0,
        0,
        1,
        7,
        15,
        15,
        10,
    ]
    assert [len(claim(engine, most)) for most in (-1, 0, None, 3, 100, 100)] == [0, 0, 1, 3, 11, 0]
    assert queued(engine, at=None) == claim(engine, at=None) == []  # type: ignore[arg-type] # now is not then


# ---- claiming


def test_two_that_claim_at_once_never_get_the_same_post_or_author(engine: sa.Engine) -> None:
    for number in range(120):
        find(engine, f"author{number % 40}", like_count=number * 1_000)
    start = threading.Barrier(6)

    def take(number: int) -> list[dict[str, Any]]:
        start.wait()
        taken = []
        while rows := claim(engine, 1 + number % 3):
            taken += rows
        return taken

    with ThreadPoolExecutor(6) as pool:
        taken = [row for rows in pool.map(take, range(6)) for row in rows]
    assert len({row["target_username"] for row in taken}) == len({row["tweet_id"] for row in taken}) == 40
    assert len(taken) == len({row["decision_id"] for row in taken}) == 40


TIERS = {"<5K": 1_000, "5K-10K": 7_000, "10K-25K": 20_000, "100K+": 200_000}


def test_slots_follow_the_allocation_over_what_the_queue_holds(engine: sa.Engine) -> None:
    publish(engine, opportunity_use_hours=10_000, lease_minutes=1)
    by_tier = {}
    for tier, likes in TIERS.items():
        for place in range(2):
            post = find(engine, like_count=likes + place, search_query="q1" if place else "q2")
            by_tier.setdefault(tier, []).append(post)
    # one arm is not in the queue, one is rejected, one paused and one unknown to the allocation
    allocate(engine, "engagement_tier", {"<5K": 0.3, "10K-25K": 0.2, "50K-100K": 0.4, "25K-50K": 0.1})
    for tier, status in (("5K-10K", "retired"), ("100K+", "paused")):
        run(
            engine,
            "INSERT INTO strategy_allocation (strategy_type, strategy_name, probability, status, as_of)"
            " VALUES ('engagement_tier', %s, 0, %s, %s)",
            tier,
            status,
            NOW,
        )
    allocate(engine, "search_query", {"q1": 0.25, "q2": 0.75})
    allocate(engine, "timing_window", {"24h+": 1.0})
    exact = {"<5K": 0.9 * 0.6, "10K-25K": 0.9 * 0.4, "100K+": 0.1}
    claims = [row for n in range(400) for row in claim(engine, at=NOW + (25 + n) * HOUR)]
    assert len(claims) == 400
    held = ledger(engine)
    for row in claims:
        decision = row["decision_id"]
        entry = held["engagement_tier", decision]
        assert entry.available == pytest.approx(exact, abs=1e-12)
        assert entry.probability == entry.available[entry.arm]
        assert entry.arm == arm_by_hash("engagement_tier", decision, exact) == row["arms"]["engagement_tier"]
        entry = held["search_query", decision]
        assert entry.available == pytest.approx({"q1": 0.25, "q2": 0.75})
        assert entry.arm == arm_by_hash("search_query", decision, entry.available)
        assert held["timing_window", decision].available == {"24h+": 1.0}
        assert ("account_size", decision) not in held
        assert row["tweet_id"] == by_tier[row["arms"]["engagement_tier"]][row["arms"]["search_query"] == "q1"]
    drawn = Counter(row["arms"]["engagement_tier"] for row in claims)
    assert set(drawn) == set(exact)
    assert stats.chisquare([drawn[t] for t in exact], [400 * p for p in exact.values()]).pvalue > 1e-4


def test_the_family_that_is_surest_of_its_best_arm_draws_first(engine: sa.Engine) -> None:
    """Otherwise one that hardly cares would leave it an old post where fresh ones wait."""
    for likes, age in ((1_000, 60), (1_001, 600), (200_000, 600)):
        find(engine, like_count=likes, age=age * MINUTE)
    tiers, sure = {"<5K": 0.5, "100K+": 0.5}, {"<2h": 0.9, "6-24h": 0.1}
    allocate(engine, "engagement_tier", tiers)
    allocate(engine, "timing_window", sure)
    for hour in range(20):
        (row,) = claim(engine, at=NOW + timedelta(seconds=hour))
        held = ledger(engine)
        assert held["timing_window", row["decision_id"]].available == pytest.approx(sure)
        if row["arms"]["timing_window"] == "<2h":
            assert held["engagement_tier", row["decision_id"]].available == {"<5K": 1.0}
        run(engine, "DELETE FROM opportunity_claims")
    allocate(engine, "engagement_tier", {"<5K": 0.05, "100K+": 0.95})
    (row,) = claim(engine)
    assert ledger(engine)["engagement_tier", row["decision_id"]].available == pytest.approx(
        {"<5K": 0.05, "100K+": 0.95}
    )


def test_several_claims_at_once_draw_over_what_is_left(engine: sa.Engine) -> None:
    allocate(engine, "engagement_tier", {"<5K": 0.5, "100K+": 0.5})
    for number in range(12):
        find(engine, f"author{number % 9}", like_count=1_000 if number < 9 else 200_000)
    rows = claim(engine, 20)
    assert len(rows) == 9 == len({row["target_username"] for row in rows})
    left = {f"author{n}": {"<5K"} | ({"100K+"} if n < 3 else set()) for n in range(9)}
    held = ledger(engine)
    for row in rows:
        arms = set().union(*left.values())
        assert set(held["engagement_tier", row["decision_id"]].available) == arms
        assert row["arms"]["engagement_tier"] in left[row["target_username"]]
        del left[row["target_username"]]


def test_a_claim_decides_the_generator_and_the_format(engine: sa.Engine) -> None:
    generators, formats = {"Storyteller": 0.7, "Contrarian": 0.3}, {"story": 0.5, "list": 0.5}
    prefer(engine, "author", generators)
    allocate(engine, "format", formats)
    publish(engine, lease_minutes=1)
    post = find(engine, "Author")
    for minute in range(40):
        (row,) = claim(engine, at=NOW + minute * MINUTE)
        decision = row["decision_id"]
        assert row["generator"] == arm_by_hash("generator", decision, generators)
        assert row["generator_probability"] == pytest.approx(generators[row["generator"]])
        assert row["arms"] == {"format": arm_by_hash("format", decision, formats)}
        assert (row["experiment_id"], row["variant"]) == (None, None)
        assert row["reason"] == (
            f"Score {row['score']:.1f}: 10K-25K likes, <2h old. {row['generator']} brought most."
        )
    answer(engine, decision, NOW + HOUR)
    (told,) = rows_of(engine, "SELECT * FROM content_metadata")
    assert (told.target_tweet_id, told.target_username, told.status) == (post, "Author", "posted")
    assert (told.generator_name, told.format) == (row["generator"], row["arms"]["format"])
    (kept,) = rows_of(engine, "SELECT * FROM opportunity_claims WHERE decision_id = %s", decision)
    assert kept.claimed_by == "a bot"


@pytest.mark.parametrize("dimension", ["generator", "format"])
def test_an_experiment_is_tagged_and_carried_to_the_reply(engine: sa.Engine, dimension: str) -> None:
    publish(engine, lease_minutes=1)
    allocate(engine, "format", {"story": 1.0})
    prefer(engine, "*", {"Storyteller": 1.0})
    trial = start_experiment(engine, dimension, "Old", "New", 60)
    start_experiment(engine, "posting_hour", "x", "y", 60)  # no claim takes part in it
    find(engine)
    variants = Counter()
    for minute in range(60):
        (row,) = claim(engine, at=NOW + minute * MINUTE)
        decision = row["decision_id"]
        variant = arm_by_hash(f"experiment:{trial}", decision, {"control": 0.6, "treatment": 0.4})
        given = {"control": "Old", "treatment": "New"}[variant]
        assert (str(row["experiment_id"]), row["variant"]) == (trial, variant)
        arm = row["generator"] if dimension == "generator" else row["arms"]["format"]
        other = row["arms"]["format"] if dimension == "generator" else row["generator"]
        assert (arm, other) == (given, "story" if dimension == "generator" else "Storyteller")
        entry = ledger(engine)[dimension, decision]
        assert (entry.arm, entry.available) == (given, pytest.approx({"Old": 0.6, "New": 0.4}))
        variants[variant] += 1
        if dimension == "format":  # asked apart, it is the same answer
            assert ask(engine, "arm_for", dimension="format", unit=decision)[0]["arm"] == given
    assert len(variants) == 2
    answer(engine, decision, NOW + HOUR)
    (told,) = rows_of(engine, "SELECT * FROM content_metadata")
    assert (str(told.experiment_id), told.experiment_variant) == (trial, variant)
    assigned = rows_of(engine, "SELECT unit, variant FROM experiment_assignments")
    assert (decision, variant) in assigned
    assert len(assigned) == 60


def test_without_anything_learnt_it_is_the_best_post_and_the_default(engine: sa.Engine) -> None:
    find(engine)
    best = find(engine, like_count=90_000)
    (row,) = claim(engine)
    assert (row["tweet_id"], row["generator"], row["arms"]) == (best, "ResearchSynthesizer", {})
    assert row["generator_probability"] == 1.0
    assert ask(engine, "peek_queue", at=NOW)[0]["likely_generator"] == "ResearchSynthesizer"


def test_hostile_texts_pass_through_unharmed(engine: sa.Engine) -> None:
    for text in HOSTILE:
        find(engine, tweet_text=text, search_query=text)
    allocate(engine, "search_query", {text[:500]: 1.0 for text in HOSTILE})
    allocate(engine, "format", dict.fromkeys(HOSTILE, 1.0))
    assert {row["tweet_text"] for row in ask(engine, "peek_queue", at=NOW)} == set(HOSTILE)
    rows = ask(engine, "claim_next", most=20, claimed_by=HOSTILE[3], at=NOW)
    assert {row["tweet_text"] for row in rows} == set(HOSTILE)
    for row in rows:
        assert row["arms"]["search_query"] == row["tweet_text"][:500]
        assert row["arms"]["format"] in HOSTILE


def test_a_transaction_that_cannot_see_what_others_took_is_refused(engine: sa.Engine) -> None:
    find(engine)
    strict = engine.execution_options(isolation_level="REPEATABLE READ")
    with pytest.raises(sa.exc.DBAPIError, match="call this in READ COMMITTED"):
        claim(strict)

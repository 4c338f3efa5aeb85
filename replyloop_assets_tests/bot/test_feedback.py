"""What one reply says about its account: the seed's two rules, a function of the facts alone."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replyloop_assets_tests.bot.calls import HOUR, NOW, publish, rows_of, run, tell


def account_of(engine: sa.Engine, name: str = "someone") -> Any:
    (row,) = rows_of(engine, "SELECT * FROM discovered_accounts WHERE lower(username) = %s", name)
    return row


def reply(engine: sa.Engine, tweet: str, account: str | None = "SomeOne", posted: Any = NOW) -> None:
    tell(
        engine,
        "record_reply",
        decision_id=f"d{tweet}",
        tweet_id=tweet,
        posted_at=posted,
        target_username=account,
    )


def look(
    engine: sa.Engine, tweet: str, age: float, followers: int | None, likes: int | None = 9
) -> str | None:
    told = {"collected_at": NOW + age * HOUR, "followers_gained": followers, "likes": likes}
    verdict = tell(engine, "record_metrics", tweet_id=tweet, **told)["feedback"]
    assert verdict is None or isinstance(verdict, str)
    return verdict


def known_account(engine: sa.Engine, score: float | None = 0.6, **columns: Any) -> None:
    row = {"username": "SomeOne", "priority_score": score} | columns
    names = ", ".join(row)
    with engine.begin() as connection:
        values = ", ".join(f"%({name})s" for name in row)
        connection.exec_driver_sql(f"INSERT INTO discovered_accounts ({names}) VALUES ({values})", row)


# ---- the two rules


@pytest.mark.parametrize(
    ("age", "followers", "likes", "verdict"),
    [
        pytest.param(0.1, 15, 0, "high", id="15 at any age"),
        pytest.param(0.1, 14, 0, None, id="14 is not 15"),
        pytest.param(30, 500, None, "high", id="whatever the likes"),
        pytest.param(24, 1, 4, "low", id="ripe at the horizon"),
        pytest.param(23.999, 1, 4, None, id="not yet ripe"),
        pytest.param(24, 0, 0, "low", id="nothing"),
        pytest.param(24, -0, 5, None, id="5 likes are not fewer than 5"),
        pytest.param(24, 2, 0, None, id="2 followers are not fewer than 2"),
        pytest.param(24, None, 0, None, id="followers unknown"),
        pytest.param(24, 0, None, None, id="likes unknown"),
        pytest.param(24, 14, 0, None, id="neither"),
    ],
)
def test_the_seeds_rules_at_their_bounds(
    engine: sa.Engine, age: float, followers: int | None, likes: int | None, verdict: str | None
) -> None:
    known_account(engine)
    reply(engine, "1")
    assert look(engine, "1", age, followers, likes) == verdict
    row = account_of(engine)
    score = {"high": 0.95, "low": 0.6 - 0.1, None: 0.6}[verdict]
    assert (row.priority_score, row.high_priority) == (score, verdict == "high")
    assert row.last_success_at == (NOW + age * HOUR if verdict == "high" else None)


@pytest.mark.parametrize(
    ("score", "lower"), [(0.95, 0.95 - 0.1), (0.25, 0.2), (0.2, 0.2), (0.1, 0.2), (None, 0.4)]
)
def test_a_low_reply_takes_a_tenth_and_never_below_a_fifth(
    engine: sa.Engine, score: float | None, lower: float
) -> None:
    known_account(engine, score)
    reply(engine, "1")
    assert look(engine, "1", 24, 0, 0) == "low"
    assert account_of(engine).priority_score == lower


def test_the_numbers_are_settings(engine: sa.Engine) -> None:
    publish(engine, high_followers=5, low_followers=1, low_likes=2, horizon_hours=6)
    known_account(engine)
    for tweet, (age, followers, likes) in enumerate(
        [(1, 5, 0), (6, 0, 1), (6, 1, 1), (6, 0, 2), (5.9, 0, 0)]
    ):
        reply(engine, str(tweet))
        assert look(engine, str(tweet), age, followers, likes) == ("high", "low", None, None, None)[tweet]


def test_a_reply_counts_once_however_often_it_is_looked_at(engine: sa.Engine) -> None:
    known_account(engine)
    reply(engine, "1")
    for age in (24, 30, 30, 40, 60):
        assert look(engine, "1", age, 0, 0) == "low"
    assert account_of(engine).priority_score == 0.5
    assert look(engine, "1", 70, 15, 0) == "high", "it did bring many in the end"
    row = account_of(engine)
    assert (row.priority_score, row.last_success_at) == (0.95, NOW + 70 * HOUR)
    assert look(engine, "1", 80, 40, 0) == look(engine, "1", 90, 0, 0) == "high"
    assert account_of(engine).last_success_at == NOW + 70 * HOUR
    assert len(rows_of(engine, "SELECT FROM reply_feedback")) == 1


def test_a_late_snapshot_may_take_a_verdict_back(engine: sa.Engine) -> None:
    known_account(engine, 0.6, last_success_at=NOW - 100 * HOUR)
    reply(engine, "1")
    assert look(engine, "1", 30, 1, 1) == "low"
    assert look(engine, "1", 25, 3, 1) is None, "the first ripe one is what counts"
    row = account_of(engine)
    assert (row.priority_score, row.last_success_at) == (0.6, NOW - 100 * HOUR)
    assert rows_of(engine, "SELECT FROM reply_feedback") == []


def test_a_success_before_is_not_forgotten(engine: sa.Engine) -> None:
    before = NOW + 1_000 * HOUR
    known_account(engine, last_success_at=before, high_priority=True)
    for tweet, followers in (("1", 20), ("2", 0)):
        reply(engine, tweet)
        look(engine, tweet, 25, followers, 0)
    row = account_of(engine)
    assert (row.last_success_at, row.high_priority) == (before, True)


def test_an_account_that_nobody_knew_begins_in_the_middle(engine: sa.Engine) -> None:
    reply(engine, "1", "New_One")
    assert look(engine, "1", 24, 0, 0) == "low"
    assert account_of(engine, "new_one").priority_score == 0.4


def test_metrics_without_a_reply_or_a_target_say_nothing_until_it_is_told(engine: sa.Engine) -> None:
    reply(engine, "2", None)
    assert look(engine, "1", 1, 20) is look(engine, "2", 1, 20) is None
    assert rows_of(engine, "SELECT FROM discovered_accounts") == []
    reply(engine, "1")
    assert account_of(engine).priority_score == 0.95


def test_with_the_flag_off_nothing_is_moved(engine: sa.Engine) -> None:
    publish(engine, feedback=False)
    known_account(engine)
    before = account_of(engine)
    reply(engine, "1")
    assert look(engine, "1", 25, 40) is None
    assert account_of(engine) == before
    assert rows_of(engine, "SELECT FROM reply_feedback") == []
    publish(engine, feedback=True)
    assert look(engine, "1", 25, 40) == "high"
    assert account_of(engine).priority_score == 0.95


# ---- the average


def test_the_average_includes_the_fresh_reply(engine: sa.Engine) -> None:
    known_account(engine, avg_followers_per_reply=99)
    for tweet, followers in (("1", 4), ("2", 1), ("3", 0)):
        reply(engine, tweet, posted=NOW - 100 * HOUR)
        look(engine, tweet, -70, followers)
    assert account_of(engine).avg_followers_per_reply == 99, "the account rollup's, so far"
    reply(engine, "4")
    look(engine, "4", 2, 14)
    assert account_of(engine).avg_followers_per_reply == 99
    look(engine, "4", 3, 16)
    assert account_of(engine).avg_followers_per_reply == Decimal("5.25")
    look(engine, "4", 25, 20)
    assert account_of(engine).avg_followers_per_reply == Decimal("6.25"), "its outcome, once it is ripe"


# ---- any order, any repetition


@dataclass(frozen=True)
class Look:
    """A snapshot: of which reply, how many quarter days after NOW, and what it shows."""

    tweet: int
    quarter: int
    followers: int | None
    likes: int | None


looks = st.builds(
    Look,
    st.integers(0, 3),
    st.integers(0, 14),
    st.one_of(st.none(), st.sampled_from([0, 1, 2, 14, 15, 40])),
    st.one_of(st.none(), st.sampled_from([0, 4, 5])),
)
ACCOUNTS = ("SomeOne", "someone", "Other", "SOMEONE")
POSTED = (0, 3, 5, 6)  # quarter days after NOW
QUARTER = timedelta(hours=6)


def counts(number: int | None) -> int:
    return -1 if number is None else number


def expected_feedback(told: list[Look]) -> tuple[dict[str, tuple[Any, ...]], dict[str, tuple[Any, ...]]]:
    """The feedback by tweet and the accounts by name, from the set of snapshots alone."""
    merged: dict[tuple[int, int], Look] = {}
    for one in told:
        before = merged.get((one.tweet, one.quarter), one)
        followers = max(one.followers, before.followers, key=counts)
        likes = max(one.likes, before.likes, key=counts)
        merged[one.tweet, one.quarter] = Look(one.tweet, one.quarter, followers, likes)
    shots = sorted(merged.values(), key=lambda shot: shot.quarter)
    feedback: dict[str, tuple[Any, ...]] = {}
    for tweet in range(4):
        own = [shot for shot in shots if shot.tweet == tweet]
        high = [shot for shot in own if counts(shot.followers) >= 15]
        ripe = [
            shot
            for shot in own
            if shot.quarter >= POSTED[tweet] + 4 and shot.followers is not None and shot.likes is not None
        ]
        if high:
            verdict, shot = "high", high[0]
        elif ripe and counts(ripe[0].followers) < 2 and counts(ripe[0].likes) < 5:
            verdict, shot = "low", ripe[0]
        else:
            continue
        at = NOW + shot.quarter * QUARTER
        feedback[str(tweet)] = (ACCOUNTS[tweet].lower(), verdict, at, shot.followers, shot.likes)
    accounts = {}
    for name in ("someone", "other"):
        score, high_priority, success, average = 0.5, False, None, Decimal(7)
        verdicts = sorted((f[2], tweet, f) for tweet, f in feedback.items() if f[0] == name)
        for _, _, (_, verdict, at, _, _) in verdicts:
            if verdict == "high":
                score, high_priority, success = 0.95, True, at
            else:
                score = max(0.2, score - 0.1)
        if success is not None:
            tweets = [tweet for tweet in range(4) if ACCOUNTS[tweet].lower() == name]
            latest = max(shot.quarter for shot in shots if shot.tweet in tweets)
            values = []
            for tweet in tweets:
                posted = POSTED[tweet]
                own = [shot for shot in shots if shot.tweet == tweet and posted <= shot.quarter <= posted + 8]
                ripe = [shot for shot in own if shot.quarter >= posted + 4]
                outcome = ripe[0] if ripe else own[-1] if own and posted + 8 <= latest else None
                if outcome is not None and outcome.followers is not None:
                    values.append(outcome.followers)
                elif feedback.get(str(tweet), (0, 0))[1] == "high":
                    values.append(feedback[str(tweet)][3])
            average = (Decimal(sum(values)) / len(values)).quantize(Decimal("0.01"), ROUND_HALF_UP)
        accounts[name] = (score, high_priority, success, average)
    return feedback, accounts


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(looks, min_size=1, max_size=10), st.randoms(use_true_random=False))
def test_any_order_and_repetition_gives_what_the_set_of_facts_says(
    engine: sa.Engine, told: list[Look], random: Any
) -> None:
    run(engine, "TRUNCATE content_metadata, tweet_metrics, reply_feedback, discovered_accounts")
    for name in ("SomeOne", "Other"):
        known_account(engine, 0.5, username=name, avg_followers_per_reply=7)
    calls: list[Look | int] = [*told, *random.choices(told, k=3), *range(4), random.randrange(4)]
    random.shuffle(calls)
    query = "SELECT record_metrics(%s, %s, %s, %s)", "SELECT record_reply(%s, %s, %s, target_username => %s)"
    for call in calls:
        if isinstance(call, Look):
            at = NOW + call.quarter * QUARTER
            run(engine, query[0], str(call.tweet), at, call.followers, call.likes)
        else:
            at = NOW + POSTED[call] * QUARTER
            run(engine, query[1], f"d{call}", str(call), at, ACCOUNTS[call])
    feedback, accounts = expected_feedback(told)
    rows = rows_of(
        engine, "SELECT tweet_id, account, verdict, collected_at, followers_gained, likes FROM reply_feedback"
    )
    assert {row[0]: tuple(row)[1:] for row in rows} == feedback
    rows = rows_of(
        engine,
        "SELECT lower(username), priority_score, high_priority, last_success_at, avg_followers_per_reply"
        " FROM discovered_accounts",
    )
    assert {row[0]: tuple(row)[1:] for row in rows} == accounts


# ---- at once


def test_replies_of_one_account_at_once_are_all_counted(engine: sa.Engine) -> None:
    known_account(engine, 0.9)
    start = threading.Barrier(6)

    def teller(number: int) -> None:
        start.wait()
        calls = [lambda: reply(engine, str(number)), lambda: look(engine, str(number), 24 + number, 0, 0)]
        for call in calls if number % 2 else calls[::-1]:
            call()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(teller, range(6)))
    assert len(rows_of(engine, "SELECT FROM reply_feedback")) == 6
    score = 0.9
    for _ in range(6):
        score = max(0.2, score - 0.1)
    assert account_of(engine).priority_score == score


def test_a_reply_and_its_snapshot_told_at_once_do_not_miss_each_other(engine: sa.Engine) -> None:
    known_account(engine)
    start = threading.Barrier(2)

    def at_once(calls: Any) -> None:
        start.wait()
        for number in range(40):
            calls(str(number))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(at_once, [lambda n: reply(engine, n), lambda n: look(engine, n, 1, 20)]))
    assert len(rows_of(engine, "SELECT FROM reply_feedback WHERE verdict = 'high'")) == 40

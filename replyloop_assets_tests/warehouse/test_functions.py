"""The functions inside PostgreSQL: tiers and score by the seed, histogram bins, matured outcomes."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# a function's many rows are one query, and each example of a property is one transaction
in_one_database = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


TYPES = {
    "likes": "BIGINT",
    "followers": "BIGINT",
    "minutes": "BIGINT",
    "replies": "BIGINT",
    "author": "DOUBLE PRECISION",
    "y": "BIGINT",
}


def values_of(engine: sa.Engine, call: str, **arguments: Sequence[Any]) -> list[Any]:
    """The value of `call` for each row of the arguments, in one query."""
    columns = ", ".join(arguments)
    arrays = ", ".join(f"CAST(:{name} AS {TYPES[name]}[])" for name in arguments)
    statement = sa.text(
        f"SELECT {call} FROM unnest({arrays}) WITH ORDINALITY AS input ({columns}, place) ORDER BY place"
    )
    with engine.connect() as connection:
        return list(connection.scalars(statement, {name: list(values) for name, values in arguments.items()}))


MOST = 2**63 - 1


# ---- tiers


@pytest.mark.parametrize(
    ("call", "argument", "tiers"),
    [
        (
            "engagement_tier(likes)",
            "likes",
            [
                (0, "<5K"),
                (5_000, "5K-10K"),
                (10_000, "10K-25K"),
                (25_000, "25K-50K"),
                (50_000, "50K-100K"),
                (100_000, "100K+"),
            ],
        ),
        (
            "account_size_tier(followers)",
            "followers",
            [(0, "<100K"), (100_000, "100K-500K"), (500_000, "500K-1M"), (1_000_000, "1M+")],
        ),
        (
            "timing_window(minutes)",
            "minutes",
            [(0, "<2h"), (2 * 60, "2-6h"), (6 * 60, "6-24h"), (24 * 60, "24h+")],
        ),
    ],
    ids=["engagement", "account size", "timing"],
)
def test_each_tier_holds_its_lower_bound_and_not_its_upper(
    engine: sa.Engine, call: str, argument: str, tiers: list[tuple[int, str]]
) -> None:
    cases = [(lower, name) for lower, name in tiers]
    cases += [(above - 1, name) for (_, name), (above, _) in pairwise(tiers)]
    cases += [(MOST, tiers[-1][1]), (-1, tiers[0][1]), (-MOST, tiers[0][1]), (None, None)]
    inputs, expected = zip(*cases, strict=True)
    assert values_of(engine, call, **{argument: inputs}) == list(expected)


# ---- score


def seeds_score(
    likes: int | None, author: float | None, minutes: int | None, replies: int | None
) -> Fraction:
    """The seed's OpportunityScorer.calculateScore, part by part; what is unknown adds nothing."""
    score = Fraction(0)
    if likes is not None and likes > 0:
        score += min(Fraction(likes, 2000), 50)
    if author is not None:
        score += 30 if author >= 15 else 20 if author >= 10 else 10 if author >= 5 else 0
    if minutes is not None:
        score += 20 if minutes < 120 else 10 if minutes < 360 else 5 if minutes < 1440 else 0
    if replies is not None:
        score -= 20 if replies > 500 else 10 if replies > 200 else 5 if replies > 100 else 0
    return max(score, Fraction(0))


SCORE = "opportunity_score(likes, author, minutes, replies)"


def test_the_score_is_the_seeds_for_any_post(engine: sa.Engine) -> None:
    rng = np.random.default_rng(1)
    near: dict[str, list[Any]] = {
        "likes": [-7, 0, 2_000, 99_999, 100_000, 100_001, MOST, None],
        "author": [-3.0, 0.0, 4.999, 5.0, 9.999, 10.0, 14.999, 15.0, 400.0, None],
        "minutes": [-1, 0, 119, 120, 359, 360, 1439, 1440, MOST, None],
        "replies": [-1, 0, 100, 101, 200, 201, 500, 501, MOST, None],
    }
    anywhere = {
        "likes": lambda: int(rng.integers(150_000)),
        "author": lambda: rng.uniform(0, 20),
        "minutes": lambda: int(rng.integers(2_000)),
        "replies": lambda: int(rng.integers(700)),
    }

    def column(name: str, rows: int) -> list[Any]:
        bounds = near[name]
        return [
            bounds[rng.integers(len(bounds))] if rng.random() < 0.5 else anywhere[name]() for _ in range(rows)
        ]

    columns = {name: column(name, 5_000) for name in near}
    scores = values_of(engine, SCORE, **columns)
    for inputs, score in zip(zip(*columns.values(), strict=True), scores, strict=True):
        assert Fraction(score) == seeds_score(*inputs), inputs
    assert len(set(scores)) > 500


@pytest.mark.parametrize(
    ("post", "score"),
    [
        pytest.param((100_000, 15.0, 0, 0), 100, id="all that can be had"),
        pytest.param((1_000_000, 400.0, -5, -5), 100, id="no part exceeds its points"),
        pytest.param((3_000, None, None, None), 1.5, id="a point for 2000 likes"),
        pytest.param((0, None, 2_000, 501), 0, id="never below 0"),
        pytest.param((12_000, None, 1_440, 501), 0, id="a crowd takes what likes gave"),
        pytest.param((-4_000, 5.0, 1_440, 0), 10, id="negative likes are no likes"),
        pytest.param((None, None, None, None), 0, id="nothing known"),
        pytest.param((0, -3.0, 5_000, 0), 0, id="an author who lost followers takes nothing"),
    ],
)
def test_the_score_of_one_post(engine: sa.Engine, post: tuple[Any, ...], score: float) -> None:
    columns = dict(zip(("likes", "author", "minutes", "replies"), ([part] for part in post), strict=True))
    assert values_of(engine, SCORE, **columns) == [Decimal(str(score))]


# ---- histogram


def exact_bin(y: int) -> int:
    """16 + floor(4 log2(y / 16)) in whole numbers: how often 2 goes into (y / 16)^4."""
    return max(y, 0) if y < 16 else 16 + (y**4 // 16**4).bit_length() - 1


def first_of_bin(number: int) -> int:
    """The smallest count of a bin, by bisection of the whole numbers."""
    low, high = 0, 2**63
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if exact_bin(middle) >= number else (middle + 1, high)
    return low


def test_counts_below_16_have_a_bin_of_their_own(engine: sa.Engine) -> None:
    assert values_of(engine, "histogram_bin(y)", y=range(18)) == [*range(16), 16, 16]


def test_each_doubling_from_16_has_four_bins(engine: sa.Engine) -> None:
    doublings = [16 * 2**n for n in range(40)]
    assert values_of(engine, "histogram_bin(y)", y=doublings) == [16 + 4 * n for n in range(40)]
    bins = values_of(engine, "histogram_bin(y)", y=range(1_024, 2_048))
    assert sorted(set(bins)) == [bins[0] + n for n in range(4)]


def test_a_bin_begins_where_it_should_to_the_very_count(engine: sa.Engine) -> None:
    edges = [first_of_bin(number) for number in range(17, 16 + 4 * 44)]
    edges = [edge + off for edge in edges for off in (-1, 0, 1)]
    assert values_of(engine, "histogram_bin(y)", y=edges) == [exact_bin(y) for y in edges]


def test_bins_never_fall_as_counts_grow(engine: sa.Engine) -> None:
    rng = np.random.default_rng(2)
    drawn = [int(y) for y in np.exp2(rng.uniform(0, 62.9, 5_000))]
    counts = sorted([*range(300), *drawn, MOST - 1, MOST])
    bins = values_of(engine, "histogram_bin(y)", y=counts)
    assert bins == sorted(bins)
    assert bins[-1] == pytest.approx(exact_bin(MOST), abs=1)


def test_a_negative_count_is_in_the_first_bin_and_an_unknown_one_in_none(engine: sa.Engine) -> None:
    assert values_of(engine, "histogram_bin(y)", y=[-1, -MOST, None]) == [0, 0, None]


# ---- matured outcomes


POSTED = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


HORIZON = GRACE = hours(24)  # the defaults of the design


@dataclass(frozen=True)
class Snapshot:
    """One look at a post, so long after it was posted."""

    age: timedelta
    source: str = "bot"
    followers: int | None = 1


@dataclass(frozen=True)
class Reply:
    """One piece of content and every look at it."""

    decision_id: str
    posted_at: datetime
    snapshots: Sequence[Snapshot]
    status: str | None = "posted"


@contextmanager
def facts(engine: sa.Engine, replies: Sequence[Reply]) -> Iterator[sa.Connection]:
    """A connection that sees these facts and forgets them."""
    content = [{"id": reply.decision_id, "at": reply.posted_at, "status": reply.status} for reply in replies]
    metrics = [
        {
            "id": reply.decision_id,
            "at": reply.posted_at + snapshot.age,
            "source": snapshot.source,
            "followers": snapshot.followers,
        }
        for reply in replies
        for snapshot in reply.snapshots
    ]
    with engine.connect() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO content_metadata (decision_id, tweet_id, posted_at, status)"
                " VALUES (:id, 'tweet ' || :id, :at, :status)"
            ),
            content,
        )
        if metrics:
            connection.execute(
                sa.text(
                    "INSERT INTO tweet_metrics (tweet_id, collected_at, source, followers_gained)"
                    " VALUES ('tweet ' || :id, :at, :source, :followers)"
                ),
                metrics,
            )
        yield connection


def matured(
    connection: sa.Connection,
    known_from: datetime = POSTED - 1000 * DAY,
    known_before: datetime = POSTED + 1000 * DAY,
    horizon: timedelta = HORIZON,
    grace: timedelta = GRACE,
) -> list[Any]:
    return list(
        connection.execute(
            sa.text(
                "SELECT * FROM matured_outcomes(:known_from, :known_before, :horizon, :grace)"
                " ORDER BY decision_id"
            ),
            {
                "known_from": known_from,
                "known_before": known_before,
                "horizon": horizon,
                "grace": grace,
            },
        )
    )


def looks(*snapshots: tuple[float, str] | float) -> list[Snapshot]:
    """Snapshots by their age in hours; each gained as many followers as its place says."""
    named = [snapshot if isinstance(snapshot, tuple) else (snapshot, "bot") for snapshot in snapshots]
    return [Snapshot(hours(age), source, place) for place, (age, source) in enumerate(named)]


@pytest.mark.parametrize(
    ("snapshots", "counts", "known_after", "by"),
    [
        pytest.param([24], 0, 24, "horizon", id="exactly at the horizon"),
        pytest.param([23.9, 24.5, 30, 47], 1, 24.5, "horizon", id="the first after the horizon"),
        pytest.param([47, 30, 24.5, 23.9], 2, 24.5, "horizon", id="in whatever order they came"),
        pytest.param([24, (24.5, "api"), 25], 0, 24, "horizon", id="by bot or API alike"),
        pytest.param([(24.5, "api"), 25], 0, 24.5, "horizon", id="from the API first"),
        pytest.param([48], 0, 48, "horizon", id="exactly at the end of grace"),
        pytest.param([23, 48], 1, 48, "horizon", id="ripe at the end of grace beats young"),
        pytest.param([23.9], 0, 48, "grace", id="only a young one: known when grace ends"),
        pytest.param([1, 12, 23, 3], 2, 48, "grace", id="the last of the young ones"),
        pytest.param([0], 0, 48, "grace", id="a young one taken at once"),
        pytest.param([12, 48.1], 0, 48, "grace", id="too late changes nothing"),
        pytest.param([12, 200], 0, 48, "grace", id="much too late changes nothing"),
        pytest.param([(24, "export")], 0, 24, "export", id="an export at the horizon"),
        pytest.param([(700, "export")], 0, 24, "export", id="an export of an old post"),
        pytest.param([(700, "export"), (90, "export")], 1, 24, "export", id="the earlier export"),
        pytest.param([25, (700, "export")], 0, 25, "horizon", id="a live look before the export"),
        pytest.param([47, (30, "export")], 1, 24, "export", id="an export before the live look"),
        pytest.param([(12, "export"), 30], 1, 30, "horizon", id="an unripe export, then a look"),
        pytest.param([3, (12, "export")], 0, 48, "grace", id="an unripe export is no last look"),
        pytest.param([60, (700, "export")], 1, 24, "export", id="too late live, then an export"),
        pytest.param([-1, 3], 1, 48, "grace", id="a look from before the post is of no use"),
    ],
)
def test_which_snapshot_is_the_outcome_and_when_it_is_known(
    engine: sa.Engine, snapshots: list[Any], counts: int, known_after: float, by: str
) -> None:
    reply = Reply("one", POSTED, looks(*snapshots))
    with facts(engine, [reply]) as connection:
        (outcome,) = matured(connection)
    assert outcome.followers_gained == counts
    assert outcome.collected_at == POSTED + reply.snapshots[counts].age
    assert outcome.known_at == POSTED + hours(known_after)
    assert outcome.matured_by == by


@pytest.mark.parametrize(
    "snapshots",
    [
        pytest.param([], id="never looked at"),
        pytest.param([48.1], id="looked at only after grace"),
        pytest.param([(23.9, "export")], id="an export younger than the horizon"),
        pytest.param([-2], id="looked at before it was posted"),
    ],
)
def test_a_post_without_a_ripe_look_has_no_outcome(engine: sa.Engine, snapshots: list[Any]) -> None:
    with facts(engine, [Reply("one", POSTED, looks(*snapshots))]) as connection:
        assert matured(connection) == []


@pytest.mark.parametrize(
    ("snapshots", "horizon", "grace", "known_after"),
    [
        pytest.param([6], 6, 12, 6, id="another horizon"),
        pytest.param([5], 6, 12, 18, id="another grace"),
        pytest.param([5], 6, 0, 6, id="no grace: known at the horizon"),
        pytest.param([71, 73], 72, 24, 73, id="a horizon of days"),
    ],
)
def test_horizon_and_grace_are_settings(
    engine: sa.Engine, snapshots: list[Any], horizon: float, grace: float, known_after: float
) -> None:
    with facts(engine, [Reply("one", POSTED, looks(*snapshots))]) as connection:
        (outcome,) = matured(connection, horizon=hours(horizon), grace=hours(grace))
    assert outcome.known_at == POSTED + hours(known_after)


@pytest.mark.parametrize("status", ["scheduled", "failed", "post", "", None])
def test_what_was_not_posted_has_no_outcome(engine: sa.Engine, status: str | None) -> None:
    replies = [Reply("posted", POSTED, looks(24)), Reply("other", POSTED, looks(24), status)]
    with facts(engine, replies) as connection:
        assert [outcome.decision_id for outcome in matured(connection)] == ["posted"]


@pytest.mark.parametrize("snapshots", [[30], [12], [(700, "export")]], ids=["horizon", "grace", "export"])
def test_a_window_holds_its_first_instant_and_not_its_last(engine: sa.Engine, snapshots: list[Any]) -> None:
    with facts(engine, [Reply("one", POSTED, looks(*snapshots))]) as connection:
        known = matured(connection)[0].known_at
        assert matured(connection, known, known + TICK)
        assert not matured(connection, known - DAY, known)
        assert not matured(connection, known + TICK, known + DAY)
        assert not matured(connection, known, known)


def test_a_look_a_microsecond_before_the_horizon_is_young(engine: sa.Engine) -> None:
    snapshots = [Snapshot(hours(24) - TICK, followers=5)]
    with facts(engine, [Reply("one", POSTED, snapshots)]) as connection:
        assert matured(connection)[0].matured_by == "grace"
    snapshots = [Snapshot(hours(48) + TICK, followers=5)]
    with facts(engine, [Reply("one", POSTED, snapshots)]) as connection:
        assert matured(connection) == []


def test_an_outcome_is_one_row_though_its_snapshot_was_written_twice(engine: sa.Engine) -> None:
    twice = [Snapshot(hours(25), followers=None), Snapshot(hours(25), followers=4)]
    for snapshots in (twice, twice[::-1]):
        with facts(engine, [Reply("one", POSTED, snapshots)]) as connection:
            (outcome,) = matured(connection)
        assert outcome.followers_gained == 4, "the one that knows more, whichever came first"


def test_every_count_and_name_of_the_snapshot_comes_along(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO content_metadata"
                " (decision_id, decision_type, target_username, tweet_id, posted_at) VALUES"
                " ('a', 'reply', 'SomeOne', '1', :at), ('b', 'thread', NULL, '2', :at)"
            ),
            {"at": POSTED},
        )
        connection.execute(
            sa.text(
                "INSERT INTO tweet_metrics (tweet_id, collected_at, followers_gained, likes,"
                " impressions, profile_clicks, engagements)"
                " VALUES ('1', :at, 3, 40, 5000, 6, 77), ('2', :at, NULL, 0, NULL, 0, NULL)"
            ),
            {"at": POSTED + hours(24)},
        )
        reply, thread = matured(connection)
    assert (reply.decision_type, reply.account, reply.tweet_id) == ("reply", "someone", "1")
    assert reply.posted_at == POSTED
    counts = ("followers_gained", "likes", "impressions", "profile_clicks", "engagements")
    assert [getattr(reply, name) for name in counts] == [3, 40, 5000, 6, 77]
    assert (thread.decision_type, thread.account) == ("thread", None)
    assert [getattr(thread, name) for name in counts] == [None, 0, None, 0, None]


def outcome_by_the_rule(
    reply: Reply, horizon: timedelta, grace: timedelta
) -> tuple[datetime, str, int | None] | None:
    """When it is known, by what, and its followers, read off design.md's paragraph on maturation."""
    if reply.status != "posted":
        return None
    ripe, young = [], []
    for snapshot in reply.snapshots:
        if snapshot.source == "export":
            if snapshot.age >= horizon:
                ripe.append((snapshot.age, horizon, "export", snapshot.followers))
        elif horizon <= snapshot.age <= horizon + grace:
            ripe.append((snapshot.age, snapshot.age, "horizon", snapshot.followers))
        elif timedelta(0) <= snapshot.age < horizon:
            young.append((snapshot.age, horizon + grace, "grace", snapshot.followers))
    chosen = min(ripe) if ripe else max(young, default=None)
    return chosen and (reply.posted_at + chosen[1], *chosen[2:])


# steps of six hours from midnight, so that horizons, ends of grace and days meet often
six_hours = st.integers(0, 19).map(lambda steps: hours(6 * steps))
snapshot_lists = st.lists(
    st.builds(
        Snapshot,
        st.integers(-1, 14).map(lambda steps: hours(6 * steps)),
        st.sampled_from(["bot", "bot", "api", "export"]),
        st.integers(0, 50),
    ),
    max_size=5,
    unique_by=lambda snapshot: snapshot.age,
)
MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)
histories = st.lists(
    st.tuples(six_hours, snapshot_lists, st.sampled_from(["posted"] * 5 + ["failed"])),
    min_size=1,
    max_size=12,
).map(
    lambda drawn: [
        Reply(f"d{number:02}", MIDNIGHT + after, snapshots, status)
        for number, (after, snapshots, status) in enumerate(drawn)
    ]
)
BY_DAY = """
    SELECT day, outcome.*
    FROM generate_series(CAST(:first AS TIMESTAMPTZ), :last, INTERVAL '1 day') AS day
    CROSS JOIN LATERAL matured_outcomes(day, day + INTERVAL '1 day', :horizon, :grace) AS outcome
"""


@in_one_database
@given(histories, st.sampled_from([(24, 24), (24, 0), (6, 12), (36, 6)]))
def test_every_outcome_is_known_in_exactly_one_day_and_by_the_rule(
    engine: sa.Engine, replies: list[Reply], rule: tuple[int, int]
) -> None:
    horizon, grace = map(hours, rule)
    expected = {
        reply.decision_id: outcome
        for reply in replies
        if (outcome := outcome_by_the_rule(reply, horizon, grace))
    }
    first, last = MIDNIGHT - DAY, MIDNIGHT + 12 * DAY
    with facts(engine, replies) as connection:
        wide = matured(connection, first, last + DAY, horizon, grace)
        by_day = connection.execute(
            sa.text(BY_DAY), {"first": first, "last": last, "horizon": horizon, "grace": grace}
        ).all()
    assert {row.decision_id: (row.known_at, row.matured_by, row.followers_gained) for row in wide} == (
        expected
    )
    assert sorted(row[1:] for row in by_day) == sorted(map(tuple, wide))
    days = defaultdict(list)
    for row in by_day:
        days[row.decision_id].append(row.day)
    for decision, found in days.items():
        known = expected[decision][0]
        assert found == [known.replace(hour=0, minute=0)]


@in_one_database
@given(histories, st.lists(st.integers(-4, 60), min_size=1, max_size=6))
def test_windows_that_join_without_a_gap_hold_what_one_wide_window_holds(
    engine: sa.Engine, replies: list[Reply], cuts: list[int]
) -> None:
    edges = sorted({MIDNIGHT - DAY, *(MIDNIGHT + hours(6 * cut) for cut in cuts), MIDNIGHT + 15 * DAY})
    with facts(engine, replies) as connection:
        parts = [row for start, end in pairwise(edges) for row in matured(connection, start, end)]
        whole = matured(connection, edges[0], edges[-1])
    assert sorted(map(tuple, parts)) == sorted(map(tuple, whole))


@in_one_database
@given(histories, st.integers(0, 60))
def test_a_closed_window_does_not_change_when_later_facts_arrive(
    engine: sa.Engine, replies: list[Reply], cut: int
) -> None:
    """What a live bot saw at an as-of equals what a backfill sees; exports may come late."""
    as_of = MIDNIGHT + hours(6 * cut)
    live, then = [], []
    for reply in replies:
        own = [look for look in reply.snapshots if look.source != "export"]
        live.append(replace(reply, snapshots=own))
        if reply.posted_at < as_of:
            taken = [look for look in own if reply.posted_at + look.age < as_of]
            then.append(replace(reply, snapshots=taken))
    if not then:
        return
    with facts(engine, then) as connection:
        seen_then = matured(connection, MIDNIGHT - DAY, as_of)
    with facts(engine, live) as connection:
        seen_later = matured(connection, MIDNIGHT - DAY, as_of)
    assert seen_then == seen_later

"""What the bot tells: once however often told, quarantined with the reason where it breaks its contract."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replyloop_assets.sources.snowflake import derived_decision_id
from replyloop_assets.warehouse.migrations import migrate
from replyloop_assets_tests.bot.calls import (
    HOSTILE,
    HOUR,
    MINUTE,
    NOW,
    ask,
    everything,
    rows_of,
    run,
    tell,
)
from replyloop_assets_tests.warehouse.test_migrations import A_BOTS_OWN

OPPORTUNITY = {
    "tweet_id": "100",
    "target_username": "@Someone",
    "like_count": 20_000,
    "reply_count": 150,
    "posted_minutes_ago": 90,
    "author_follower_count": 600_000,
    "search_query": "min_faves:5000",
    "tweet_text": "a post",
    "discovered_at": NOW,
}
REPLY = {
    "decision_id": "d1",
    "tweet_id": "200",
    "posted_at": NOW,
    "content": "a reply",
    "target_tweet_id": "100",
    "target_username": "Someone",
    "generator_name": "Storyteller",
    "format": "story",
}
METRICS = {
    "tweet_id": "200",
    "collected_at": NOW + 25 * HOUR,
    "followers_gained": 3,
    "likes": 40,
    "impressions": 5_000,
    "profile_clicks": 6,
    "replies": 2,
    "reposts": 1,
    "bookmarks": 4,
    "engagements": 100,
}
ERROR = {
    "component": "poster",
    "message": "429",
    "severity": "warning",
    "error_id": "e1",
}
TOLD: dict[str, dict[str, Any]] = {
    "record_opportunity": OPPORTUNITY,
    "record_reply": REPLY,
    "record_metrics": METRICS,
    "record_error": ERROR,
}
TABLES = {
    "record_opportunity": "reply_opportunities",
    "record_reply": "content_metadata",
    "record_metrics": "tweet_metrics",
    "record_error": "system_events",
}


def quarantined(engine: sa.Engine) -> list[tuple[str, str]]:
    return sorted(rows_of(engine, "SELECT source, reason FROM quarantine"))


# ---- what stands there then


def test_an_opportunity_is_classified_the_moment_it_is_told(engine: sa.Engine) -> None:
    tiers = {
        "engagement_tier": "10K-25K",
        "account_size_tier": "500K-1M",
        "timing_window": "<2h",
        "opportunity_score_v2": 25,
    }
    assert tell(engine, "record_opportunity", **OPPORTUNITY) == {"status": "recorded"} | tiers
    (row,) = rows_of(engine, "SELECT * FROM reply_opportunities")
    held = OPPORTUNITY | tiers | {"target_username": "Someone", "tweet_posted_at": NOW - 90 * MINUTE}
    assert {name: getattr(row, name) for name in held} == held
    again = tell(engine, "record_opportunity", **(OPPORTUNITY | {"like_count": 60_000}))
    assert (again["status"], again["engagement_tier"]) == ("unchanged", "50K-100K")
    assert rows_of(engine, "SELECT * FROM reply_opportunities") == [row]


def test_a_reply_and_its_latest_numbers(engine: sa.Engine) -> None:
    assert tell(engine, "record_reply", **REPLY) == {"status": "recorded"}
    assert tell(engine, "record_metrics", **METRICS) == {"status": "recorded", "feedback": None}
    earlier = METRICS | {"collected_at": NOW + HOUR, "likes": 9, "impressions": None}
    assert tell(engine, "record_metrics", **earlier)["status"] == "recorded"
    (row,) = rows_of(engine, "SELECT * FROM content_metadata")
    held = REPLY | {
        "decision_type": "reply",
        "target_username_source": "decision",
        "status": "posted",
        "actual_likes": 40,
        "actual_impressions": 5_000,
        "actual_engagement_rate": 0.02,
        "experiment_id": None,
        "experiment_variant": None,
    }
    assert {name: getattr(row, name) for name in held} == held
    snapshots = rows_of(engine, "SELECT * FROM tweet_metrics ORDER BY collected_at DESC")
    assert {name: getattr(snapshots[0], name) for name in METRICS} == METRICS
    assert [snapshot.source for snapshot in snapshots] == ["bot", "bot"]


def test_of_two_snapshots_at_one_instant_the_greater_counts_stand(engine: sa.Engine) -> None:
    tell(engine, "record_metrics", **METRICS)
    other = METRICS | {"likes": 50, "impressions": 1, "replies": None}
    assert tell(engine, "record_metrics", **other)["status"] == "recorded"
    assert tell(engine, "record_metrics", **other)["status"] == "unchanged"
    assert tell(engine, "record_metrics", **METRICS)["status"] == "unchanged"
    (row,) = rows_of(engine, "SELECT * FROM tweet_metrics")
    assert {name: getattr(row, name) for name in METRICS} == METRICS | {"likes": 50}


def test_an_export_of_that_instant_is_another_look(engine: sa.Engine) -> None:
    run(
        engine,
        "INSERT INTO tweet_metrics (tweet_id, collected_at, source, likes) VALUES ('200', %s, 'export', 1)",
        METRICS["collected_at"],
    )
    assert tell(engine, "record_metrics", **METRICS)["status"] == "recorded"
    assert len(rows_of(engine, "SELECT FROM tweet_metrics")) == 2


def test_an_error_with_an_id_is_told_once_and_one_without_as_often_as_it_comes(engine: sa.Engine) -> None:
    detail = sa.text("SELECT record_error('c', 'm', detail => CAST(:detail AS JSONB), error_id => :id)")
    for error_id in ("e" * 10_000, "e2"):
        for status in ("recorded", "unchanged"):
            with engine.begin() as connection:
                answer = connection.execute(detail, {"detail": '{"a": [1]}', "id": error_id}).scalar_one()
            assert answer == {"status": status}
    for _ in range(2):
        assert (
            tell(engine, "record_error", component=None, message="m", severity="odd")["status"] == "recorded"
        )
    rows = rows_of(
        engine, "SELECT event_type, event_data, severity, created_at FROM system_events ORDER BY created_at"
    )
    assert [row.event_data["detail"] for row in rows] == [{"a": [1]}] * 2 + [None] * 2
    assert {(row.event_type, row.severity) for row in rows} == {("bot_error", "error")}
    assert abs(rows[0].created_at - datetime.now(UTC)) < HOUR


def test_a_row_that_the_bot_made_before_it_posted_is_completed(engine: sa.Engine) -> None:
    run(
        engine,
        "INSERT INTO content_metadata (decision_id, content, generator_name, status)"
        " VALUES ('d1', 'planned', 'Planner', 'planned')",
    )
    told = REPLY | {"content": None, "generator_name": None}
    assert tell(engine, "record_reply", **told)["status"] == "recorded"
    assert tell(engine, "record_reply", **told)["status"] == "unchanged"
    (row,) = rows_of(engine, "SELECT * FROM content_metadata")
    assert (row.content, row.generator_name, row.format) == ("planned", "Planner", "story")
    assert (row.tweet_id, row.status, row.posted_at) == ("200", "posted", NOW)


@pytest.mark.parametrize("planned", [False, True])
def test_a_post_that_an_export_told_of_becomes_the_decision(engine: sa.Engine, planned: bool) -> None:
    run(
        engine,
        "INSERT INTO content_metadata (decision_id, tweet_id, content, target_username,"
        " target_username_source, posted_at) VALUES (%s, '200', '@someone hi', 'someone', 'text', %s)",
        derived_decision_id("200"),
        NOW,
    )
    if planned:
        run(engine, "INSERT INTO content_metadata (decision_id) VALUES ('d1')")
    told = {"decision_id": "d1", "tweet_id": "200", "posted_at": NOW, "generator_name": "Storyteller"}
    assert tell(engine, "record_reply", **told)["status"] == "recorded"
    (row,) = rows_of(engine, "SELECT * FROM content_metadata")
    assert (row.decision_id, row.tweet_id, row.generator_name) == ("d1", "200", "Storyteller")
    assert (row.content, row.target_username, row.target_username_source) == (
        "@someone hi",
        "someone",
        "text",
    )


def test_a_decision_has_one_post_and_a_post_one_decision(engine: sa.Engine) -> None:
    tell(engine, "record_reply", **REPLY)
    before = everything(engine)["content_metadata"]
    for told, reason in (
        (REPLY | {"tweet_id": "201"}, "decision_id is that of another post"),
        (REPLY | {"decision_id": "d2"}, "tweet_id is the post of another decision"),
    ):
        for _ in range(2):
            assert tell(engine, "record_reply", **told) == {"status": "quarantined", "reason": reason}
    assert everything(engine)["content_metadata"] == before
    assert len(quarantined(engine)) == 2


# ---- once


in_one_database = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@in_one_database
@given(st.lists(st.sampled_from(list(TOLD)), min_size=1, max_size=10))
def test_in_whatever_order_and_however_often_told_each_is_once(engine: sa.Engine, order: list[str]) -> None:
    run(engine, f"TRUNCATE {', '.join(TABLES.values())}, discovered_accounts")
    seen = set()
    for function in order:
        status = tell(engine, function, **TOLD[function])["status"]
        assert status == ("unchanged" if function in seen else "recorded")
        seen.add(function)
    for function, table in TABLES.items():
        assert len(rows_of(engine, f"SELECT FROM {table}")) == (function in seen)
    if {"record_reply", "record_metrics"} <= seen:
        (row,) = rows_of(engine, "SELECT actual_likes FROM content_metadata")
        assert row.actual_likes == 40
    assert quarantined(engine) == []


def test_told_by_many_at_once_each_is_once(engine: sa.Engine) -> None:
    start = threading.Barrier(8)

    def teller(number: int) -> list[str]:
        start.wait()
        functions = list(TOLD)[number % 4 :] + list(TOLD)[: number % 4]
        return [tell(engine, function, **TOLD[function])["status"] for function in functions]

    with ThreadPoolExecutor(8) as pool:
        statuses = [status for told in pool.map(teller, range(8)) for status in told]
    assert statuses.count("recorded") == 4
    assert statuses.count("unchanged") == 28
    for table in TABLES.values():
        assert len(rows_of(engine, f"SELECT FROM {table}")) == 1
    (row,) = rows_of(engine, "SELECT actual_likes FROM content_metadata")
    assert row.actual_likes == 40


def test_two_that_tell_much_in_one_transaction_each_do_not_block_each_other(engine: sa.Engine) -> None:
    start = threading.Barrier(4)

    def harvester(number: int) -> int:
        posts = range(1_000, 1_100) if number % 2 else range(1_099, 999, -1)
        start.wait()
        with engine.begin() as connection:
            statuses = [
                connection.exec_driver_sql(
                    "SELECT record_opportunity(%s, 'a', 1, 1, 1) ->> 'status'", (str(post),)
                ).scalar_one()
                for post in posts
            ]
        return statuses.count("recorded")

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(harvester, range(4))) == [0, 0, 0, 100]


# ---- contracts


LONG = "9" * 10_000
NO_ID = "tweet_id is no post id"
NO_NAME = "target_username is no user name"
NO_COUNT = "a count is out of range"
BAD_IDS = [None, "", "x", "-1", "1.5", " 1", "1\n", "٣", "9" * 21, LONG, HOSTILE[0]]
BAD_NAMES = ["", "@", "sixteen_letters_", "a b", "a-b", "a\n", "é", LONG, *HOSTILE]
BAD_COUNTS = [-1, -(2**63), 2**31, 2**63 - 1]
BAD_INSTANTS = ["infinity", "-infinity", "2005-12-31", "2100-01-01", "4000-01-01 BC", "294276-01-01"]
BREACHES: list[tuple[str, str, Any, str]] = [
    *((f, "tweet_id", bad, NO_ID) for f in list(TOLD)[:3] for bad in BAD_IDS),
    *((f, "target_username", bad, NO_NAME) for f in list(TOLD)[:2] for bad in BAD_NAMES),
    ("record_opportunity", "target_username", None, NO_NAME),
    *(
        ("record_opportunity", name, bad, NO_COUNT)
        for name in ("like_count", "reply_count", "posted_minutes_ago", "author_follower_count")
        for bad in BAD_COUNTS
    ),
    *(("record_metrics", name, bad, NO_COUNT) for name in list(METRICS)[2:] for bad in BAD_COUNTS),
    *(
        (function, name, bad, f"{name} is {'missing' if bad is None else 'out of range'}")
        for function, name in (
            ("record_opportunity", "discovered_at"),
            ("record_reply", "posted_at"),
            ("record_metrics", "collected_at"),
        )
        for bad in (*([None] if function == "record_metrics" else []), *BAD_INSTANTS)
    ),
    *(("record_reply", "decision_id", bad, "decision_id is missing or too long") for bad in (None, "", LONG)),
    *(
        ("record_reply", "target_tweet_id", bad, "target_tweet_id is no post id")
        for bad in BAD_IDS
        if bad is not None
    ),
    *(("record_error", "message", bad, "message is missing") for bad in (None, "")),
]


def test_what_breaks_its_contract_is_answered_so_and_kept_once(engine: sa.Engine) -> None:
    empty = {table: rows for table, rows in everything(engine).items() if table != "quarantine"}
    reasons = set()
    for function, argument, bad, reason in BREACHES:
        for _ in range(2):
            answer = tell(engine, function, **(TOLD[function] | {argument: bad}))
            assert answer == {"status": "quarantined", "reason": reason}, (function, argument, bad)
        reasons.add((function, reason))
    assert {table: rows for table, rows in everything(engine).items() if table != "quarantine"} == empty
    kept = quarantined(engine)
    assert set(kept) == reasons
    # what differs only in what was cut off, or in no argument that is kept, is one
    assert len(BREACHES) - 6 <= len(kept) <= len(BREACHES)
    assert all(len(raw) <= 8_192 for (raw,) in rows_of(engine, "SELECT raw FROM quarantine"))


@pytest.mark.parametrize(
    ("function", "argument"),
    [
        (function, argument)
        for function, argument in (
            *(("record_opportunity", name) for name in list(OPPORTUNITY)[2:8]),
            *(("record_reply", name) for name in list(REPLY)[3:]),
            *(("record_metrics", name) for name in list(METRICS)[2:]),
            *(("record_error", name) for name in ("component", "severity", "error_id")),
        )
    ],
)
def test_what_may_be_unknown_may_be_null(engine: sa.Engine, function: str, argument: str) -> None:
    told = TOLD[function] | {argument: None}
    assert tell(engine, function, **told)["status"] == "recorded"
    again = tell(engine, function, **told)["status"]
    assert again == ("recorded" if argument == "error_id" else "unchanged")
    assert quarantined(engine) == []


def test_an_instant_that_is_null_is_now(engine: sa.Engine) -> None:
    tell(engine, "record_opportunity", **(OPPORTUNITY | {"discovered_at": None}))
    tell(engine, "record_reply", **(REPLY | {"posted_at": None}))
    held = "SELECT now() - discovered_at, now() - posted_at FROM found_posts CROSS JOIN own_posts"
    ((found, posted),) = rows_of(engine, held)
    assert max(abs(found), abs(posted)) < HOUR


def test_the_detail_of_an_error_is_bounded(engine: sa.Engine) -> None:
    detail = sa.text("SELECT record_error('c', 'm', detail => CAST(:detail AS JSONB))")
    with engine.begin() as connection:
        connection.execute(detail, {"detail": json.dumps({"page": "x" * 1_000_000})})
    ((kept,),) = rows_of(engine, "SELECT event_data -> 'detail' FROM system_events")
    assert kept["cut"].startswith('{"page": "xxx')
    assert len(kept["cut"]) < 10_100


def test_hostile_texts_are_kept_as_they_are(engine: sa.Engine) -> None:
    for number, text in enumerate(HOSTILE):
        post = {"tweet_id": str(number), "tweet_text": text, "search_query": text}
        assert tell(engine, "record_opportunity", **(OPPORTUNITY | post))["status"] == "recorded"
        reply = {"decision_id": f"d{number}", "tweet_id": str(number), "content": text, "format": text}
        told = REPLY | reply | {"generator_name": text}
        assert tell(engine, "record_reply", **told)["status"] == "recorded"
        error = {"component": text, "message": text, "severity": text, "error_id": text}
        assert tell(engine, "record_error", **error)["status"] == "recorded"
    rows = rows_of(engine, "SELECT content, format, generator_name FROM content_metadata")
    assert {row.content for row in rows} == set(HOSTILE)
    assert {row.format for row in rows} == {row.generator_name for row in rows} == {t[:200] for t in HOSTILE}
    posts = rows_of(engine, "SELECT tweet_text, search_query FROM reply_opportunities")
    assert {tuple(row) for row in posts} == {(text, text[:2000]) for text in HOSTILE}
    events = rows_of(engine, "SELECT event_data ->> 'message' AS message FROM system_events")
    assert {row.message for row in events} == set(HOSTILE)


def test_a_transaction_that_cannot_see_what_was_told_is_refused(engine: sa.Engine) -> None:
    strict = engine.execution_options(isolation_level="SERIALIZABLE")
    with pytest.raises(sa.exc.DBAPIError, match="call this in READ COMMITTED"):
        tell(strict, "record_metrics", **METRICS)


# ---- on a bot's own tables

UUID = "0f9b5a52-3f4c-4a9e-9a39-2f1f9c2f6a10"


def test_a_bots_own_tables_take_what_is_told(empty_engine: sa.Engine) -> None:
    engine = empty_engine
    with engine.begin() as connection:
        connection.exec_driver_sql(A_BOTS_OWN.replace("%", "%%"))
        connection.exec_driver_sql("ALTER TABLE discovered_accounts ADD CHECK (username <> 'unwelcome')")
    migrate(engine)
    counted = {table: len(rows_of(engine, f"SELECT FROM {table}")) for table in TABLES.values()}
    assert tell(engine, "record_opportunity", **OPPORTUNITY)["status"] == "recorded"
    (row,) = ask(engine, "claim_next", at=NOW)
    assert row["tweet_id"] == "100"
    told = {"decision_id": row["decision_id"], "tweet_id": "200", "posted_at": NOW}
    for spelling in (row["decision_id"], row["decision_id"].upper()):
        answer = tell(engine, "record_reply", **(told | {"decision_id": spelling}))
        assert answer["status"] == ("recorded" if spelling == row["decision_id"] else "unchanged")
    (stored,) = rows_of(engine, "SELECT * FROM content_metadata WHERE tweet_id = '200'")
    assert (str(stored.decision_id), stored.content) == (row["decision_id"], "")
    assert (stored.target_username, stored.target_tweet_id) == ("Someone", "100")
    for status in ("recorded", "unchanged"):
        answer = tell(engine, "record_metrics", **(METRICS | {"followers_gained": 20}))
        assert answer == {"status": status, "feedback": "high"}
    assert tell(engine, "record_error", **ERROR)["status"] == "recorded"
    assert {t: len(rows_of(engine, f"SELECT FROM {t}")) - n for t, n in counted.items()} == dict.fromkeys(
        counted, 1
    )

    bad = tell(engine, "record_reply", **(REPLY | {"decision_id": "no uuid", "tweet_id": "300"}))
    assert bad["status"] == "quarantined"
    assert "uuid" in bad["reason"]
    run(engine, "ALTER TABLE reply_opportunities ADD COLUMN must TEXT CHECK (tweet_id <> '301')")
    bad = tell(engine, "record_opportunity", **(OPPORTUNITY | {"tweet_id": "301"}))
    assert (bad["status"], "check constraint" in bad["reason"]) == ("quarantined", True)
    # an account that the bot's table does not take costs the feedback, not the reply and its numbers
    told = {"decision_id": UUID, "tweet_id": "302", "posted_at": NOW, "target_username": "unwelcome"}
    assert tell(engine, "record_reply", **told)["status"] == "recorded"
    answer = tell(engine, "record_metrics", tweet_id="302", collected_at=NOW, followers_gained=30)
    assert answer == {"status": "recorded", "feedback": None}
    assert [source for source, _ in quarantined(engine)] == ["feedback", "record_opportunity", "record_reply"]
    assert json.loads(rows_of(engine, "SELECT raw FROM quarantine WHERE source = 'feedback'")[0][0]) == {
        "tweet_id": "302"
    }

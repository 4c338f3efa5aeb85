"""What a bot's tables hold otherwise than they are told it, or refuse: nothing is lost."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from replyloop_assets.sources.importing import import_file
from replyloop_assets.warehouse.filling import record_failure
from replyloop_assets.warehouse.migrations import migrate
from replyloop_assets_tests.bot.adopting import (
    AT,
    ID,
    LEARNT,
    REPLY,
    WHOLE,
    Adopt,
    learn,
    names,
    tell_a_life,
)
from replyloop_assets_tests.bot.calls import ask, rows_of, run, tell
from replyloop_assets_tests.sources.files import export_row, export_text, tweet_id, write

FINE = AT + timedelta(microseconds=123_456)


@pytest.mark.parametrize(
    ("form", "held"),
    [
        ("TIMESTAMPTZ", FINE),
        ("TIMESTAMPTZ(3)", AT + timedelta(milliseconds=123)),
        ("TIMESTAMP(0)", AT),
        ("BIGINT", AT + timedelta(milliseconds=123)),
        ("NUMERIC", AT),
        ("DATE", datetime(2026, 5, 20, tzinfo=UTC)),
        ("TEXT", FINE),
    ],
)
def test_a_snapshot_told_twice_is_one_however_exactly_its_instant_is_held(
    adopt: Adopt, form: str, held: datetime
) -> None:
    engine = adopt(f"CREATE TABLE tweet_metrics (tweet_id TEXT, collected_at {form}, likes INT)")
    told = {"tweet_id": "1", "collected_at": FINE}
    statuses = [tell(engine, "record_metrics", **told, likes=likes)["status"] for likes in (3, 3, 5, 4)]
    assert statuses == ["recorded", "unchanged", "recorded", "unchanged"]
    assert rows_of(engine, "SELECT collected_at, likes FROM snapshots") == [(held, 5)]


ONE_ROW = "CREATE TABLE tweet_metrics (tweet_id BIGINT PRIMARY KEY, likes INT, collected_at TIMESTAMPTZ)"


def test_a_bots_one_row_shows_the_newest_that_was_told_and_all_is_kept(adopt: Adopt) -> None:
    engine = adopt(ONE_ROW)
    for hours, likes in ((1, 3), (3, 9), (2, 5), (3, 9)):
        tell(engine, "record_metrics", tweet_id="1", collected_at=AT + timedelta(hours=hours), likes=likes)
    assert rows_of(engine, "SELECT likes FROM tweet_metrics") == [(9,)]
    assert rows_of(engine, "SELECT likes FROM snapshots ORDER BY collected_at") == [(3,), (5,), (9,)]
    assert rows_of(engine, "SELECT source, reason FROM quarantine") == []


def test_what_was_told_is_no_look_at_the_bots_row(adopt: Adopt) -> None:
    """The bot's own row is older than what it told: seeing it takes nothing back."""
    engine = adopt(ONE_ROW)
    run(engine, "INSERT INTO tweet_metrics VALUES (1, 2, %s)", AT)
    run(engine, "CREATE RULE own_hand AS ON UPDATE TO public.tweet_metrics DO INSTEAD NOTHING")
    tell(engine, "record_metrics", tweet_id="1", collected_at=AT + timedelta(hours=2), likes=9)
    for hours in (3, 4):
        ask(engine, "see_bot_snapshots", at=AT + timedelta(hours=hours))
    assert rows_of(engine, "SELECT likes FROM snapshots ORDER BY collected_at") == [(2,), (9,)]


@pytest.mark.parametrize("table", [ONE_ROW, "CREATE TABLE tweet_metrics (tweet_id BIGINT, likes TEXT)"])
def test_an_export_is_kept_apart_from_a_table_of_another_shape(
    adopt: Adopt, tmp_path: Path, table: str
) -> None:
    engine = adopt(table)
    run(engine, "INSERT INTO tweet_metrics (tweet_id, likes) VALUES (%s, '2')", tweet_id(0))
    before = rows_of(engine, "SELECT tweet_id, likes FROM tweet_metrics")
    path = write(tmp_path, export_text([export_row(hours, likes=7 + hours) for hours in range(3)]))
    assert import_file(engine, path).loaded == 3
    again = import_file(engine, path)
    assert (again.loaded, again.updated, again.unchanged) == (0, 0, 3)
    more = write(tmp_path, export_text([export_row(2, likes=50)]), "more")
    now = rows_of(engine, "SELECT max(collected_at) FROM snapshots WHERE source = 'export'")[0][0]
    assert import_file(engine, more, discovered_at=now).updated == 1
    exported = "SELECT likes FROM snapshots WHERE source = 'export' ORDER BY likes"
    assert rows_of(engine, exported) == [(7,), (8,), (50,)]
    assert rows_of(engine, "SELECT tweet_id, likes FROM tweet_metrics") == before


@pytest.mark.parametrize(
    ("rule", "held"),
    [
        ("event_data TEXT", "error"),
        ("event_data TEXT, severity TEXT CHECK (severity IN ('low', 'medium', 'high'))", "high"),
        ("event_data JSONB, severity VARCHAR(20) CHECK (severity IN ('INFO', 'WARN', 'ERROR'))", "ERROR"),
    ],
)
def test_an_error_is_told_once_to_events_of_another_shape(adopt: Adopt, rule: str, held: str) -> None:
    engine = adopt(f"CREATE TABLE system_events (id SERIAL PRIMARY KEY, event_type TEXT, {rule})")
    told = {"component": "poster", "message": "503 of X", "error_id": "e1"}
    statuses = [tell(engine, "record_error", **told)["status"] for _ in range(2)]
    assert statuses == ["recorded", "unchanged"]
    assert rows_of(engine, "SELECT event_data ->> 'message', severity FROM events") == [("503 of X", held)]


def test_a_text_that_is_no_json_is_the_message_of_an_event(adopt: Adopt) -> None:
    engine = adopt(
        "CREATE TABLE system_events (id SERIAL PRIMARY KEY, event_type TEXT, event_data TEXT);"
        "INSERT INTO system_events (event_type, event_data) VALUES ('error', 'boom'), ('error', '[1]'),"
        " ('error', NULL), ('error', '{\"message\": \"bang\"}')"
    )
    messages = rows_of(engine, "SELECT event_data ->> 'message' FROM events ORDER BY id")
    assert messages == [("boom",), ("[1]",), (None,), ("bang",)]


def test_a_failed_day_is_named_though_nobody_can_be_told(adopt: Adopt) -> None:
    engine = adopt("CREATE VIEW system_events AS SELECT 1 AS id, 'a'::TEXT AS event_type")
    for _ in range(2):
        record_failure(engine, "reply_outcomes", AT.date(), "no such day")
    assert rows_of(engine, "SELECT stage, reason FROM stage_failures") == [("reply_outcomes", "no such day")]
    assert rows_of(engine, "SELECT source FROM quarantine") == [("reply_outcomes",)]


READ_ONLY = {
    "a view of distinct rows": """
        CREATE TABLE harvest (tweet_id TEXT, target_username TEXT, like_count INT, discovered_at TIMESTAMPTZ);
        CREATE VIEW reply_opportunities AS SELECT DISTINCT * FROM harvest
    """,
    "a materialised view": """
        CREATE TABLE harvest (tweet_id TEXT, target_username TEXT, like_count INT, discovered_at TIMESTAMPTZ);
        CREATE MATERIALIZED VIEW reply_opportunities AS SELECT * FROM harvest
    """,
    "accounts that nothing is known to write to": """
        CREATE TABLE discovered_accounts (username TEXT PRIMARY KEY, niche TEXT NOT NULL)
    """,
    "posts without a kind": """
        CREATE TABLE posts (decision_id TEXT PRIMARY KEY, tweet_id TEXT, target_username TEXT,
            target_tweet_id TEXT, posted_at TIMESTAMPTZ);
        CREATE VIEW content_metadata AS SELECT * FROM posts
    """,
}


@pytest.mark.parametrize("shape", READ_ONLY)
def test_what_can_only_be_read_is_learnt_from(adopt: Adopt, shape: str) -> None:
    engine = adopt(READ_ONLY[shape])
    if "VIEW reply_opportunities" in READ_ONLY[shape]:
        run(engine, "INSERT INTO harvest VALUES (%s, 'somebody', 12000, %s)", ID, AT)
    if "MATERIALIZED" in READ_ONLY[shape]:
        run(engine, "REFRESH MATERIALIZED VIEW reply_opportunities")
    assert tell_a_life(engine)[1:] == WHOLE[1:]
    assert learn(engine) == LEARNT


def test_a_constraint_that_refuses_at_the_end_refuses_where_it_is_kept(adopt: Adopt) -> None:
    engine = adopt(
        "CREATE TABLE campaigns (id TEXT PRIMARY KEY);"
        "CREATE TABLE content_metadata (decision_id TEXT PRIMARY KEY, tweet_id TEXT,"
        " campaign TEXT DEFAULT 'none' REFERENCES campaigns (id) DEFERRABLE INITIALLY DEFERRED)"
    )
    reply = {"decision_id": "d", "tweet_id": REPLY, "posted_at": AT, "target_username": "somebody"}
    refused = tell(engine, "record_reply", **reply)
    assert refused["status"] == "quarantined"
    assert "foreign key" in refused["reason"]
    run(engine, "INSERT INTO campaigns VALUES ('none')")
    assert tell(engine, "record_reply", **reply)["status"] == "recorded"
    with engine.begin() as connection:  # and the bot's own transactions may go on putting it off
        connection.exec_driver_sql("SELECT record_metrics('1', now(), likes => 1)")
        connection.exec_driver_sql("INSERT INTO content_metadata VALUES ('e', '2', 'later')")
        connection.exec_driver_sql("INSERT INTO campaigns VALUES ('later')")


def test_decisions_with_numbers_for_ids_keep_them_beside_the_loops(adopt: Adopt) -> None:
    engine = adopt(
        "CREATE TABLE content_metadata (decision_id BIGSERIAL PRIMARY KEY, tweet_id TEXT,"
        " posted_at TIMESTAMPTZ);"
        "INSERT INTO content_metadata (tweet_id, posted_at) VALUES ('7', '2026-05-01')"
    )
    assert tell_a_life(engine) == WHOLE
    assert tell_a_life(engine)[2] == "unchanged"
    assert learn(engine) == LEARNT
    query = "SELECT decision_id FROM own_posts ORDER BY posted_at"
    assert [len(row[0]) for row in rows_of(engine, query)] == [1, 36]
    assert rows_of(engine, "SELECT decision_id FROM content_metadata ORDER BY 1") == [(1,), (2,)]


def test_a_column_whose_name_is_taken_by_what_cannot_hold_it_stands_beside_it(adopt: Adopt) -> None:
    engine = adopt("CREATE TABLE tweet_metrics (tweet_id TEXT, collected_at TIMESTAMPTZ, likes JSONB)")
    assert tell_a_life(engine) == WHOLE
    assert rows_of(engine, "SELECT likes, replyloop_likes FROM tweet_metrics") == [(None, 9)]
    assert learn(engine) == LEARNT


def test_a_draft_of_a_table_without_statuses_is_not_out(adopt: Adopt) -> None:
    engine = adopt(
        "CREATE TABLE content_metadata (decision_id TEXT PRIMARY KEY, tweet_id TEXT, posted_at TIMESTAMPTZ);"
        "INSERT INTO content_metadata VALUES ('draft', NULL, NULL), ('out', '1', '2026-05-01')"
    )
    run(engine, "INSERT INTO content_metadata VALUES ('new draft', NULL, NULL)")
    query = "SELECT decision_id, is_posted FROM own_posts ORDER BY 1"
    assert rows_of(engine, query) == [("draft", False), ("new draft", False), ("out", True)]


def test_a_column_of_another_name_is_read_where_the_first_is_empty(adopt: Adopt) -> None:
    engine = adopt(
        "CREATE TABLE reply_opportunities (id SERIAL PRIMARY KEY, tweet_id TEXT, target_username TEXT,"
        " tweet_author TEXT);"
        "INSERT INTO reply_opportunities (tweet_id, target_username, tweet_author) VALUES ('1', NULL, 'a'),"
        " ('2', 'b', 'c')"
    )
    assert tell_a_life(engine) == WHOLE
    rows = rows_of(engine, "SELECT target_username FROM found_posts ORDER BY id")
    assert rows == [("a",), ("b",), ("somebody",)]
    last = "SELECT target_username, tweet_author FROM reply_opportunities ORDER BY id DESC LIMIT 1"
    assert rows_of(engine, last) == [("somebody", None)]


def test_a_trigger_of_the_bots_may_fill_what_may_not_be_empty(adopt: Adopt) -> None:
    engine = adopt(
        "CREATE TABLE reply_opportunities (id SERIAL PRIMARY KEY, tweet_id TEXT, niche TEXT NOT NULL);"
        "CREATE FUNCTION fill() RETURNS TRIGGER LANGUAGE plpgsql"
        " AS 'BEGIN NEW.niche := ''ai''; RETURN NEW; END';"
        "CREATE TRIGGER filling BEFORE INSERT ON reply_opportunities FOR EACH ROW EXECUTE FUNCTION fill()"
    )
    assert tell_a_life(engine) == WHOLE


def test_types_made_of_types_and_names_with_signs_are_met(adopt: Adopt) -> None:
    engine = adopt(
        "CREATE DOMAIN tally AS INTEGER; CREATE DOMAIN likes AS tally CHECK (VALUE >= 0);"
        'CREATE TABLE "100% mine" (tweet_id TEXT, collected_at TIMESTAMPTZ, likes likes)',
        "tweet_metrics=100% mine",
    )
    assert tell_a_life(engine) == WHOLE
    migrate(engine, "public", names("tweet_metrics=50% new"))
    assert tell(engine, "record_metrics", tweet_id="1", collected_at=AT, likes=1)["status"] == "recorded"
    assert rows_of(engine, 'SELECT likes FROM "50%% new"') == [(1,)]

"""The bot's functions and the chain on databases that bots made for themselves, each shape as it is met."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from replyloop_assets.automation.schedules import FACTS
from replyloop_assets.partitions import days_between
from replyloop_assets.warehouse.engine import create_engine
from replyloop_assets.warehouse.migrations import migrate
from replyloop_assets_tests.bot.adopting import (
    AT,
    DECISION,
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
from replyloop_assets_tests.life import fill

XBOT = Path(__file__).with_name("shapes") / "xbot.sql"
SHAPES = {
    "ids that are numbers": """
        CREATE TABLE reply_opportunities (
            id BIGSERIAL PRIMARY KEY, tweet_id BIGINT UNIQUE NOT NULL, target_username VARCHAR(50),
            like_count INTEGER, reply_count INTEGER, discovered_at TIMESTAMPTZ
        );
        CREATE TABLE content_metadata (
            decision_id TEXT PRIMARY KEY, tweet_id BIGINT, target_tweet_id BIGINT, status TEXT,
            posted_at TIMESTAMPTZ
        );
        CREATE TABLE tweet_metrics (tweet_id BIGINT, collected_at TIMESTAMPTZ, likes BIGINT)
    """,
    "counts that are numeric": """
        CREATE TABLE reply_opportunities (
            id UUID PRIMARY KEY DEFAULT gen_random_uuid(), tweet_id TEXT, like_count NUMERIC,
            reply_count NUMERIC
        );
        CREATE TABLE tweet_metrics (tweet_id TEXT, likes NUMERIC(12, 2), followers_gained DOUBLE PRECISION)
    """,
    "counts that are texts": """
        CREATE TABLE reply_opportunities (
            id UUID PRIMARY KEY DEFAULT gen_random_uuid(), tweet_id TEXT, like_count TEXT, reply_count VARCHAR
        );
        CREATE TABLE tweet_metrics (tweet_id TEXT, likes TEXT, followers_gained TEXT)
    """,
    "a view": """
        CREATE TABLE harvest (
            id UUID PRIMARY KEY DEFAULT gen_random_uuid(), tweet TEXT, author TEXT, likes INTEGER,
            found TIMESTAMPTZ
        );
        CREATE VIEW reply_opportunities AS
        SELECT id, tweet AS tweet_id, author AS target_username, likes AS like_count, found AS discovered_at
        FROM harvest
    """,
    "functions of our names": """
        CREATE FUNCTION engagement_tier(likes BIGINT) RETURNS INTEGER LANGUAGE sql AS 'SELECT 1';
        CREATE FUNCTION claim_next() RETURNS INTEGER LANGUAGE sql AS 'SELECT 1'
    """,
    "tables of our names": """
        CREATE TABLE quarantine (a INT); CREATE TABLE pivots (a INT); CREATE TABLE daily_rollup (a INT);
        CREATE TABLE search_plan (a INT); CREATE TABLE snapshots (a INT); CREATE TABLE own_posts (a INT)
    """,
    "a trigger that refuses a snapshot": """
        CREATE TABLE tweet_metrics (tweet_id TEXT, collected_at TIMESTAMPTZ, likes BIGINT);
        CREATE FUNCTION refuse() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN RAISE ''not today''; END';
        CREATE TRIGGER refusing BEFORE INSERT ON tweet_metrics FOR EACH ROW EXECUTE FUNCTION refuse()
    """,
    "a status without 'posted'": """
        CREATE TYPE state AS ENUM ('draft', 'published');
        CREATE TABLE content_metadata (
            decision_id UUID PRIMARY KEY, tweet_id TEXT, content VARCHAR(500) NOT NULL, posted_at TIMESTAMPTZ,
            status TEXT NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'published'))
        )
    """,
    "a status that is an enumeration": """
        CREATE TYPE state AS ENUM ('draft', 'published');
        CREATE TABLE content_metadata (
            decision_id VARCHAR(80) PRIMARY KEY, tweet_id TEXT, posted_at TIMESTAMPTZ, status state NOT NULL
        )
    """,
    "instants as texts and numbers": """
        CREATE TABLE reply_opportunities (id BIGSERIAL PRIMARY KEY, tweet_id TEXT, discovered_at BIGINT);
        CREATE TABLE content_metadata (decision_id TEXT PRIMARY KEY, tweet_id TEXT, posted_at TEXT);
        CREATE TABLE tweet_metrics (tweet_id TEXT, collected_at TEXT)
    """,
    "counts that are texts with a default, and a column named found": """
        CREATE TABLE reply_opportunities (
            id SERIAL PRIMARY KEY, tweet_id TEXT, like_count TEXT DEFAULT '0',
            reply_count VARCHAR DEFAULT '0', found TEXT
        );
        CREATE TABLE tweet_metrics (tweet_id TEXT, collected_at TIMESTAMPTZ, likes TEXT DEFAULT '0')
    """,
    "names in camel case": """
        CREATE TABLE content_metadata (
            "decisionId" TEXT PRIMARY KEY, "tweetId" TEXT, "postedAt" TIMESTAMPTZ, "targetUsername" TEXT
        )
    """,
    "a column that the table computes": """
        CREATE TABLE reply_opportunities (
            id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tweet_id TEXT, discovered_at TIMESTAMPTZ,
            lang TEXT GENERATED ALWAYS AS (left(tweet_id, 2)) STORED
        )
    """,
    "a table in parts": """
        CREATE TABLE tweet_metrics (tweet_id TEXT, collected_at TIMESTAMPTZ NOT NULL, likes INT)
        PARTITION BY RANGE (collected_at);
        CREATE TABLE first_part PARTITION OF tweet_metrics DEFAULT
    """,
    # Trap Defence OS: one row a post, updated in place, with an id of its own
    "metrics in one row a post": """
        CREATE TABLE tweet_metrics (
            id BIGSERIAL PRIMARY KEY, tweet_id TEXT NOT NULL UNIQUE, impressions BIGINT, likes INT,
            retweets INT, replies INT, fetched_at TIMESTAMPTZ DEFAULT now()
        )
    """,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_life_is_told_and_learnt_from_on_tables_of_any_shape(adopt: Adopt, shape: str) -> None:
    engine = adopt(SHAPES[shape])
    assert tell_a_life(engine) == WHOLE
    assert learn(engine) == LEARNT
    assert tell_a_life(engine) == ["unchanged", "unchanged", "unchanged"]  # and the author rests


LOOKED_UP = (
    "own_posts WHERE tweet_id = '1'",
    "own_posts WHERE target_tweet_id = '1'",
    "own_posts WHERE decision_id = '1'",
    "own_posts WHERE posted_at > now()",
    "own_posts WHERE lower(target_username) = 'x' AND posted_at > now()",
    "found_posts WHERE tweet_id = '1'",
    "found_posts WHERE discovered_at > now()",
    "snapshots WHERE tweet_id = '1' AND collected_at > now() ORDER BY collected_at LIMIT 1",
    "snapshots WHERE recorded_at > now()",
    "accounts WHERE lower(username) = 'x'",
    "events WHERE event_type = 'bot_error' AND event_data ->> 'error_id' = 'x'",
)


@pytest.mark.parametrize("shape", ["", "ids that are numbers", "instants as texts and numbers", "xbot"])
def test_no_index_is_lost(adopt: Adopt, shape: str) -> None:
    if shape == "xbot":
        engine = adopt(XBOT.read_text(), "tweet_metrics=outcomes")
    else:
        engine = adopt(SHAPES.get(shape, "SELECT 1"))
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        for question in LOOKED_UP:
            plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN SELECT * FROM {question}").scalars())
            assert "Seq Scan" not in plan, (question, plan)


def test_a_reply_queue_of_another_name_without_decision_ids(adopt: Adopt) -> None:
    """As a public "Reply Guy Bot" has it: `tweet_queue`."""
    engine = adopt(
        """
        CREATE TABLE tweet_queue (
            id UUID DEFAULT gen_random_uuid() PRIMARY KEY, target_tweet_id TEXT NOT NULL,
            target_author TEXT NOT NULL, target_content TEXT, reply_text TEXT NOT NULL,
            status TEXT DEFAULT 'pending', posted_at TIMESTAMPTZ, created_at TIMESTAMPTZ DEFAULT now()
        );
        INSERT INTO tweet_queue (id, target_tweet_id, target_author, reply_text, status, posted_at)
        VALUES ('00000000-0000-4000-8000-000000000001', '5', 'earlier', 'No.', 'posted', '2026-05-19')
        """,
        "content_metadata=tweet_queue",
    )
    assert tell_a_life(engine) == WHOLE
    assert learn(engine) == LEARNT
    query = "SELECT decision_id, target_username, content, is_posted FROM own_posts ORDER BY posted_at"
    assert [tuple(row) for row in rows_of(engine, query)] == [
        ("00000000-0000-4000-8000-000000000001", "earlier", "No.", True),
        (DECISION, "somebody", "Yes.", True),
    ]
    assert rows_of(engine, "SELECT count(*) FROM pg_class WHERE relname = 'content_metadata'") == [(0,)]


def test_found_posts_of_another_name_in_a_zone_of_their_own(adopt: Adopt) -> None:
    """As a public "AI-AGENT" has it: `tweets`, with ids that are numbers and instants of local time."""
    engine = adopt(
        """
        CREATE TABLE tweets (
            tweet_id BIGINT PRIMARY KEY, the_original_text TEXT NOT NULL, author TEXT NOT NULL,
            "timestamp" TIMESTAMP DEFAULT CURRENT_TIMESTAMP, ai_has_replied BOOLEAN DEFAULT FALSE
        );
        INSERT INTO tweets VALUES (77, 'A post', 'earlier', '2026-05-20 06:00')
        """,
        "reply_opportunities=tweets",
        "reply_opportunities.discovered_at=timestamp",
        "reply_opportunities.tweet_text=the_original_text",
        zone="America/New_York",
    )
    assert tell_a_life(engine) == WHOLE
    assert learn(engine) == LEARNT
    query = "SELECT tweet_id, discovered_at FROM found_posts ORDER BY discovered_at"
    assert [tuple(row) for row in rows_of(engine, query)] == [
        ("77", datetime(2026, 5, 20, 10, tzinfo=UTC)),
        (ID, AT),
    ]
    held = "SELECT \"timestamp\" AT TIME ZONE 'UTC' FROM tweets WHERE author = 'somebody'"
    assert rows_of(engine, held) == [(datetime(2026, 5, 20, 8, tzinfo=UTC),)]


def test_a_column_that_nothing_is_known_for_is_named_once_and_filled_by_a_setting(adopt: Adopt) -> None:
    script = (
        "CREATE TABLE content_metadata (decision_id TEXT PRIMARY KEY, tweet_id TEXT, origin TEXT NOT NULL)"
    )
    engine = adopt(script)
    asked = {"decision_id": "d", "tweet_id": REPLY, "posted_at": AT, "target_username": "somebody"}
    said = tell(engine, "record_reply", **asked)
    assert said == tell(engine, "record_reply", **asked)
    assert said["status"] == "quarantined"
    assert said["reason"].startswith("content_metadata.origin may not be empty and nothing is known to write")
    assert "REPLYLOOP_BOT_VALUES=content_metadata.origin=" in said["reason"]
    assert rows_of(engine, "SELECT count(*) FROM quarantine") == [(1,)]
    migrate(engine, "public", names(values={"content_metadata.origin": "it's real"}))
    assert tell(engine, "record_reply", **asked) == {"status": "recorded"}
    assert rows_of(engine, "SELECT origin FROM content_metadata") == [("it's real",)]


def test_metrics_that_a_bot_overwrites_have_a_history(adopt: Adopt) -> None:
    engine = adopt(SHAPES["metrics in one row a post"])
    tell(engine, "record_reply", decision_id="d", tweet_id="1", posted_at=AT, target_username="somebody")
    first_row = "INSERT INTO tweet_metrics (tweet_id, likes, fetched_at) VALUES ('1', %s, %s)"
    run(engine, first_row, 3, datetime(2026, 5, 20, 13, tzinfo=UTC))
    for hour, likes, fetched in [(14, 3, 13), (15, 5, 13), (16, 5, 13), (18, 9, 17), (19, 9, 18)]:
        run(engine, "UPDATE tweet_metrics SET likes = %s, fetched_at = %s",
            likes, datetime(2026, 5, 20, fetched, tzinfo=UTC))  # fmt: skip
        now = datetime(2026, 5, 20, hour, tzinfo=UTC)
        fill(engine, now, [date(2026, 5, 20)], FACTS)
    query = "SELECT extract(HOUR FROM collected_at)::INT, likes FROM snapshots ORDER BY 1"
    assert [tuple(row) for row in rows_of(engine, query)] == [(13, 3), (15, 5), (17, 9)]


def test_a_trigger_that_takes_no_row_without_a_word_is_told(adopt: Adopt) -> None:
    tables = ("reply_opportunities", "content_metadata", "tweet_metrics")
    engine = adopt(
        "CREATE FUNCTION swallow() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TABLE content_metadata (decision_id UUID PRIMARY KEY, tweet_id BIGINT)"
    )
    for name in tables:
        run(
            engine, f"CREATE TRIGGER s BEFORE INSERT ON {name} FOR EACH ROW EXECUTE FUNCTION public.swallow()"
        )
    assert tell_a_life(engine) == ["quarantined", "quarantined", "recorded"]
    assert tell_a_life(engine) == ["quarantined", "quarantined", "unchanged"]
    assert rows_of(engine, "SELECT likes FROM snapshots") == [(9,)]


def test_the_bots_own_role_writes_its_tables_as_before(adopt: Adopt, empty_engine: sa.Engine) -> None:
    engine = adopt(SHAPES["instants as texts and numbers"])
    run(engine, "CREATE ROLE bots_own; GRANT ALL ON ALL TABLES IN SCHEMA public TO bots_own")
    try:
        run(engine, "GRANT USAGE ON SCHEMA public TO bots_own")
        written = (
            "INSERT INTO public.content_metadata (decision_id, tweet_id, posted_at) VALUES ('a', '1', %s)"
        )
        with engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL ROLE bots_own")
            connection.exec_driver_sql(written, ("2026-05-20",))
            connection.exec_driver_sql("UPDATE public.content_metadata SET posted_at = '2026-05-21'")
    finally:
        run(engine, "DROP OWNED BY bots_own; DROP ROLE bots_own")


def test_a_table_that_another_replaces_and_a_view_that_is_dropped_are_met(adopt: Adopt) -> None:
    engine = adopt("SELECT 1")
    run(engine, "ALTER TABLE tweet_metrics RENAME TO old")
    run(engine, "CREATE TABLE public.tweet_metrics (LIKE old INCLUDING ALL)")
    run(engine, "INSERT INTO tweet_metrics (tweet_id, collected_at) VALUES ('1', now())")
    migrate(engine, "public", names())
    assert rows_of(engine, "SELECT tweet_id FROM snapshots") == [("1",)]
    run(engine, "DROP VIEW replyloop.snapshots")
    migrate(engine, "public", names())
    assert rows_of(engine, "SELECT tweet_id FROM snapshots") == [("1",)]


def test_a_number_for_display_that_the_table_refuses_costs_nothing_else(adopt: Adopt) -> None:
    engine = adopt(
        "CREATE TABLE content_metadata (decision_id TEXT PRIMARY KEY, tweet_id TEXT,"
        " actual_engagement_rate NUMERIC(5, 4))"
    )
    told = {"tweet_id": "1", "collected_at": AT, "impressions": 1, "engagements": 12}
    assert tell(engine, "record_metrics", **told)["status"] == "recorded"
    reply = {"decision_id": "d", "tweet_id": "1", "posted_at": AT, "target_username": "somebody"}
    assert tell(engine, "record_reply", **reply) == {"status": "recorded"}
    assert rows_of(engine, "SELECT count(*) FROM own_posts") == [(1,)]
    assert rows_of(engine, "SELECT source FROM quarantine") == [("actuals",)]


def test_an_infinite_average_is_missing_and_fails_no_read(adopt: Adopt) -> None:
    engine = adopt(
        "CREATE TABLE discovered_accounts (username TEXT PRIMARY KEY, avg_followers_per_reply FLOAT8);"
        "INSERT INTO discovered_accounts VALUES ('a', 'Infinity'), ('b', 'NaN'), ('c', 2.5)"
    )
    query = "SELECT avg_followers_per_reply FROM accounts ORDER BY username"
    assert [row[0] for row in rows_of(engine, query)] == [None, None, 2.5]
    assert tell_a_life(engine) == WHOLE


def test_rows_of_two_parts_are_told_apart_without_an_id(adopt: Adopt) -> None:
    engine = adopt(
        "CREATE TABLE reply_opportunities (tweet_id TEXT, like_count INT, discovered_at TIMESTAMPTZ)"
        " PARTITION BY LIST (tweet_id);"
        "CREATE TABLE one PARTITION OF reply_opportunities FOR VALUES IN ('1');"
        "CREATE TABLE two PARTITION OF reply_opportunities FOR VALUES IN ('2');"
        "INSERT INTO reply_opportunities VALUES ('1', 5000, now()), ('2', 90000, now())"
    )
    run(engine, "UPDATE found_posts SET engagement_tier = 'X' WHERE tweet_id = '1'")
    query = "SELECT tweet_id, engagement_tier FROM reply_opportunities ORDER BY 1"
    assert [tuple(row) for row in rows_of(engine, query)] == [("1", "X"), ("2", None)]


def test_a_key_that_two_rows_share_changes_one_row(adopt: Adopt) -> None:
    """A thread may share one decision: its posts have numbers of their own."""
    engine = adopt(
        "CREATE TABLE content_metadata (id SERIAL PRIMARY KEY, decision_id TEXT NOT NULL, tweet_id BIGINT,"
        " status TEXT, actual_likes INT);"
        "INSERT INTO content_metadata (decision_id, tweet_id, status) VALUES ('thread', 101, 'posted'),"
        " ('thread', 102, 'posted')"
    )
    tell(engine, "record_metrics", tweet_id="101", collected_at=AT, likes=77, impressions=100)
    query = "SELECT tweet_id, actual_likes FROM content_metadata ORDER BY 1"
    assert [tuple(row) for row in rows_of(engine, query)] == [(101, 77), (102, None)]


@pytest.mark.parametrize("ids", ["'7'", "NULL"])
def test_an_id_that_names_no_row_stops_nothing(adopt: Adopt, ids: str) -> None:
    engine = adopt(
        "CREATE TABLE reply_opportunities (id TEXT, tweet_id TEXT, target_username TEXT, like_count INT,"
        " discovered_at TIMESTAMPTZ);"
        f"INSERT INTO reply_opportunities VALUES ({ids}, '1', 'a', 5000, '2026-05-20'),"
        f" ({ids}, '2', 'b', 90000, '2026-05-20')"
    )
    assert tell_a_life(engine)[::2] == ["recorded", "recorded"]  # one of the two is claimed first
    assert learn(engine) == LEARNT
    query = "SELECT tweet_id, engagement_tier FROM reply_opportunities WHERE length(tweet_id) = 1 ORDER BY 1"
    assert [tuple(row) for row in rows_of(engine, query)] == [("1", "5K-10K"), ("2", "50K-100K")]


def test_a_view_without_an_id_is_named_by_its_post(adopt: Adopt) -> None:
    engine = adopt(
        "CREATE TABLE harvest (tweet TEXT PRIMARY KEY, author TEXT, likes INT, found TIMESTAMPTZ);"
        "CREATE VIEW reply_opportunities AS SELECT tweet AS tweet_id, author AS target_username,"
        " likes AS like_count, found AS discovered_at FROM harvest"
    )
    assert tell_a_life(engine) == WHOLE
    assert learn(engine) == LEARNT


def test_a_wait_that_runs_out_is_no_refusal(adopt: Adopt, empty_engine: sa.Engine) -> None:
    run(empty_engine, "CREATE TABLE public.reply_opportunities (id SERIAL PRIMARY KEY, tweet_id TEXT)")
    name = empty_engine.url.database
    run(empty_engine, f"ALTER DATABASE {name} SET lock_timeout = '200ms'")
    with empty_engine.begin() as reader:
        reader.exec_driver_sql("SELECT * FROM public.reply_opportunities")
        hasty = create_engine(empty_engine.url.render_as_string(hide_password=False))
        with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
            migrate(hasty, "public", names())
        hasty.dispose()
    adopt("SELECT 1")
    assert tell_a_life(empty_engine) == WHOLE


def test_old_rows_are_not_dated_with_the_migration(adopt: Adopt) -> None:
    engine = adopt(
        "CREATE TABLE reply_opportunities (id SERIAL PRIMARY KEY, tweet_id TEXT, target_username TEXT);"
        "INSERT INTO reply_opportunities (tweet_id, target_username) VALUES ('1', 'somebody')"
    )
    assert ask(engine, "claim_next") == []
    assert rows_of(engine, "SELECT discovered_at FROM found_posts") == [(None,)]


def test_values_that_cannot_be_cast_are_missing(adopt: Adopt) -> None:
    engine = adopt(
        """
        CREATE TABLE tweet_metrics (tweet_id TEXT, collected_at TEXT, likes TEXT, impressions NUMERIC);
        INSERT INTO tweet_metrics VALUES
        ('1', '2026-05-20T10:00:00Z', '1,200', 'NaN'), ('2', 'yesterday', ' 7 ', 1e30),
        ('3', '2026-02-31', '', 5.4)
        """
    )
    query = "SELECT tweet_id, collected_at, likes, impressions FROM snapshots ORDER BY tweet_id"
    assert [tuple(row) for row in rows_of(engine, query)] == [
        ("1", datetime(2026, 5, 20, 10, tzinfo=UTC), None, None),
        ("2", None, 7, None),
        ("3", None, None, 5),
    ]


def test_a_column_that_the_bot_adds_or_drops_later_is_met(adopt: Adopt) -> None:
    engine = adopt("CREATE TABLE tweet_metrics (tweet_id TEXT, collected_at TIMESTAMPTZ, hearts INTEGER)")
    run(engine, "INSERT INTO tweet_metrics (tweet_id, collected_at, hearts) VALUES ('1', now(), 4)")
    assert rows_of(engine, "SELECT likes FROM snapshots") == [(None,)]
    migrate(engine, "public", names("tweet_metrics.likes=hearts"))
    assert rows_of(engine, "SELECT likes FROM snapshots") == [(4,)]


def rows_before(engine: sa.Engine, tables: dict[str, list[str]]) -> dict[str, list[str]]:
    """Each row of the bot's, in the columns that it had; what the loop tells the operator is another."""
    mine = {"system_events": "WHERE event_type NOT LIKE 'replyloop%%'"}
    rows = {}
    for table, columns in tables.items():
        row = f"ROW({', '.join(columns)})::TEXT"
        query = f"SELECT {row} FROM public.{table} {mine.get(table, '')} ORDER BY 1"
        rows[table] = [found[0] for found in rows_of(engine, query)]
    return rows


def test_a_year_old_bot_is_adopted_and_its_rows_stay_as_they_are(
    adopt: Adopt, empty_engine: sa.Engine
) -> None:
    engine = empty_engine
    run(engine, "CREATE SCHEMA tried; SET LOCAL search_path = tried;" + XBOT.read_text().replace("%", "%%"))
    held = """
        SELECT table_name, array_agg(quote_ident(column_name)::TEXT ORDER BY ordinal_position)
        FROM information_schema.columns WHERE table_schema = 'tried' GROUP BY 1
    """
    tables = {row[0]: row[1] for row in rows_of(engine, held)}
    run(
        engine,
        "DROP SCHEMA tried CASCADE; SET LOCAL search_path = public;" + XBOT.read_text().replace("%", "%%"),
    )
    before = rows_before(engine, tables)
    adopt("SELECT 1", "tweet_metrics=outcomes", values={"content_metadata.generation_source": "real"})
    assert rows_before(engine, tables) == before
    fill(engine, datetime(2026, 5, 30, 12, tzinfo=UTC), days_between(date(2026, 5, 1), date(2026, 5, 30)))
    assert rows_before(engine, tables) == before
    counted = rows_of(
        engine,
        """
        SELECT (SELECT count(*) FROM classified_opportunities), (SELECT count(*) FROM reply_outcomes),
            (SELECT count(*) FROM reply_outcomes WHERE slots ->> 'engagement_tier' <> 'unknown'),
            (SELECT count(DISTINCT account) FROM reply_outcomes)
        """,
    )
    # found in the window, half of them out; those ripe by then know what their posts were like
    assert [tuple(row) for row in counted] == [(590, 244, 244, 18)]
    assert tell_a_life(engine)[::2] == ["recorded", "recorded"]

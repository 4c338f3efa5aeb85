"""What the doctor finds: nothing on a database of ours, and each trouble of a bot's own by its name."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from replyloop_assets.operator.doctor import examine
from replyloop_assets.settings import Settings
from replyloop_assets.warehouse.databases import ensure_database
from replyloop_assets.warehouse.migrations import migrate
from replyloop_assets_tests.bot.calls import rows_of, run
from replyloop_assets_tests.bot.test_adoption import XBOT
from replyloop_assets_tests.commands import Shell, new_shell

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def told(engine: sa.Engine, gravity: str = "warning") -> list[tuple[str, str]]:
    found = examine(engine, Settings(), NOW)
    return [(one.subject, one.what) for one in found if one.gravity == gravity]


def script(engine: sa.Engine, text: str) -> None:
    run(engine, "SET LOCAL search_path = public;" + text.replace("%", "%%"))


def test_a_database_of_ours_is_well(engine: sa.Engine) -> None:
    assert {one.gravity for one in examine(engine, Settings(), NOW)} == {"well"}


def test_an_empty_database_is_told_what_migrating_makes_and_stays_empty(empty_engine: sa.Engine) -> None:
    notes = [subject for subject, _ in told(empty_engine, "note")]
    assert notes == [
        "migrations", "reply_opportunities", "discovered_accounts", "content_metadata", "tweet_metrics",
        "account_follower_snapshots", "system_events",
    ]  # fmt: skip
    assert rows_of(empty_engine, "SELECT FROM pg_class WHERE relnamespace = 'public'::REGNAMESPACE") == []


@pytest.mark.parametrize("migrated", [False, True])
def test_a_year_old_bot_reads_what_cannot_be_used_and_what_it_costs(
    empty_engine: sa.Engine, migrated: bool
) -> None:
    script(empty_engine, XBOT.read_text())
    if migrated:
        migrate(empty_engine)
    untold = "generation_source may not be empty, and nothing is known to write there: a new row is refused"
    missing = "experiment_id counts as missing in 560 rows: no uuid"
    assert told(empty_engine) == [("content_metadata", untold), ("content_metadata", missing)]
    notes = dict(reversed(told(empty_engine, "note")))
    assert notes["discovered_accounts"].startswith("discovery_date has no time zone and is read as UTC")
    advice = {one.subject: one.advice for one in examine(empty_engine, Settings(), NOW)}
    assert migrated or advice["tweet_metrics"].endswith("REPLYLOOP_BOT_NAMES=tweet_metrics=outcomes")


ROWS = """
    CREATE TABLE content_metadata (
        decision_id TEXT, tweet_id TEXT, decision_type TEXT, status TEXT, target_username TEXT
    );
    INSERT INTO content_metadata VALUES
    ('a', '1', 'reply', 'posted', 'x'), ('b', '1', 'reply', 'posted', 'x'),
    ('c', '2', 'reply', 'shipped', 'x'), ('d', NULL, 'reply', 'posted', 'x'),
    ('e', '3', 'reply', 'posted', NULL), ('f', 'no id', 'single', 'posted', NULL),
    ('g', NULL, 'reply', 'draft', NULL);
    CREATE TABLE reply_opportunities (tweet_id TEXT, target_username TEXT, discovered_at TIMESTAMPTZ);
    INSERT INTO reply_opportunities VALUES
    ('1', 'x', now()), ('2', 'two words', now()), (NULL, 'x', now()), ('3', NULL, now()), ('4', 'x', NULL)
"""


def test_rows_that_are_of_no_use_are_counted_by_reason(empty_engine: sa.Engine) -> None:
    script(empty_engine, ROWS)
    assert told(empty_engine) == [
        ("reply_opportunities", "1 rows are of no use: no tweet_id"),
        ("reply_opportunities", "1 rows are of no use: no target_username"),
        ("reply_opportunities", "1 rows are of no use: no discovered_at"),
        ("reply_opportunities", "1 rows are of no use: a target that is no user name"),
        (
            "content_metadata",
            "1 rows are of no use: a status that is not known for posted, though there is a post",
        ),
        ("content_metadata", "1 rows are of no use: posted without an id"),
        ("content_metadata", "1 rows are of no use: a reply without a target"),
        ("content_metadata", "1 rows are of no use: an id that is no post's"),
        ("content_metadata", "1 posts have two decisions or more: each is counted"),
    ]


def test_a_type_that_cannot_be_used_is_named_with_what_is_lost(empty_engine: sa.Engine) -> None:
    script(empty_engine, "CREATE TABLE content_metadata (decision_id TEXT PRIMARY KEY, posted_at INTERVAL)")
    before = told(empty_engine)
    assert (
        "content_metadata",
        "posted_at is interval and cannot be read as timestamptz: no reply is of any day: nothing is learnt",
    ) in before
    migrate(empty_engine)
    ((subject, what),) = told(empty_engine)
    assert (subject, what) == (
        "content_metadata",
        "posted_at is interval and cannot be read as timestamptz: what stands there is not read, what is told"
        " stands in replyloop_posted_at",
    )


def told_with(monkeypatch: pytest.MonkeyPatch, engine: sa.Engine, **settings: str) -> list[tuple[str, str]]:
    for name, value in settings.items():
        monkeypatch.setenv(f"REPLYLOOP_{name.upper()}", value)
    return told(engine)


def test_names_that_match_nothing_are_told(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    named = "tweet_metrics=numbers,metrics=x,tweet_metrics.hearts=likes,content_metadata.format=shape"
    found = told_with(monkeypatch, engine, bot_names=named, bot_values="content_metadata.niche=ai,posts.a=1")
    assert {subject: what.split(":")[0].split(", and it is none of")[0] for subject, what in found} == {
        "numbers": "REPLYLOOP_BOT_NAMES names it as tweet_metrics, and there is none",
        "metrics": "REPLYLOOP_BOT_NAMES speaks of it",
        "tweet_metrics.hearts": "REPLYLOOP_BOT_NAMES speaks of it",
        "content_metadata": "REPLYLOOP_BOT_VALUES gives niche a value, and there is no such column",
        "posts.a": "REPLYLOOP_BOT_VALUES speaks of it",
    }
    missing = "REPLYLOOP_BOT_NAMES names shape as format, and there is no such column"
    assert ("content_metadata", missing) in found


def test_tables_in_another_schema_are_pointed_at(empty_engine: sa.Engine) -> None:
    run(empty_engine, "CREATE SCHEMA app; CREATE TABLE app.tweet_metrics (tweet_id TEXT)")
    advice = {one.subject: one.advice for one in examine(empty_engine, Settings(), NOW)}
    assert advice["tweet_metrics"] == "if your bot's is the one in app, set REPLYLOOP_BOT_SCHEMA=app"


def test_a_policy_that_holds_nothing_back_is_told(engine: sa.Engine) -> None:
    """As Supabase's editor makes it in two clicks: "Enable read access for all users"."""
    with engine.begin() as connection:
        if not connection.exec_driver_sql("SELECT FROM pg_roles WHERE rolname = 'anon'").all():
            connection.exec_driver_sql("CREATE ROLE anon NOLOGIN")
    run(engine, "GRANT SELECT ON public.tweet_metrics, public.content_metadata TO anon")
    run(engine, "CREATE POLICY everyone ON public.tweet_metrics FOR SELECT USING (TRUE)")
    run(engine, "CREATE POLICY mine ON public.content_metadata FOR SELECT USING (tweet_id = '1')")
    try:
        ((subject, what),) = told(engine)
        assert subject == "tweet_metrics"
        assert what.startswith("policy everyone lets whoever has your project's public key SELECT every row")
    finally:
        run(engine, "REVOKE ALL ON public.tweet_metrics, public.content_metadata FROM anon")


def test_what_the_loops_own_role_may_not_do_is_told(engine: sa.Engine) -> None:
    run(engine, "CREATE ROLE limited LOGIN")
    try:
        run(engine, "GRANT CREATE, USAGE ON SCHEMA public TO limited")
        run(engine, "GRANT replyloop_reader TO limited; GRANT SELECT ON public.tweet_metrics TO limited")
        limited = sa.create_engine(engine.url.set(username="limited"))
        faults = told(limited, "fault")
        limited.dispose()
        hidden = "row level security hides its rows from limited, as which the loop works"
        assert hidden in [what for subject, what in faults if subject == "tweet_metrics"]
        refused = "limited, as which the loop works, may not SELECT, INSERT, UPDATE"
        assert ("content_metadata", refused) in faults
    finally:
        run(engine, "DROP OWNED BY limited; DROP ROLE limited")


def test_an_id_that_names_no_row_is_told(empty_engine: sa.Engine) -> None:
    script(empty_engine, "CREATE TABLE reply_opportunities (id INT, tweet_id BIGINT)")
    migrate(empty_engine)
    what = "id does not name one row of it: rows are known by where they lie"
    assert ("reply_opportunities", what) in told(empty_engine, "note")


def test_a_schema_in_which_anyone_creates_is_told(engine: sa.Engine) -> None:
    run(engine, "GRANT CREATE ON SCHEMA public TO PUBLIC")
    assert [subject for subject, _ in told(engine)] == ["schema public"]


def test_a_loop_that_does_not_turn_is_told(engine: sa.Engine) -> None:
    day = "INSERT INTO stage_days (stage, day, as_of, computed_at, closed, row_count, days_held) VALUES"
    run(engine, f"{day} ('reply_outcomes', '2026-05-31', now(), %s, TRUE, 0, 1)", NOW - timedelta(hours=20))
    assert told(engine) == [("schedules", "nothing was computed since 2026-05-31 04:00 UTC")]


def test_the_command_ends_by_gravity_and_writes_nothing(empty_engine: sa.Engine) -> None:
    script(empty_engine, ROWS)
    with new_shell() as shell:
        ask_by_commands(empty_engine, shell.with_url(empty_engine.url.render_as_string(hide_password=False)))


def ask_by_commands(empty_engine: sa.Engine, elsewhere: Shell) -> None:
    done = elsewhere.run("doctor", "--json")
    assert (done.code, done.err) == (3, "")
    assert {one["gravity"] for one in done.json["findings"]} == {"well", "note", "warning"}
    assert "a target that is no user name" in elsewhere.run("doctor").out
    assert rows_of(empty_engine, "SELECT count(*) FROM pg_class WHERE relname = 'migrations'") == [(0,)]
    assert elsewhere.run("db", "migrate").code == 0
    script(empty_engine, "ALTER TABLE content_metadata ADD COLUMN must TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE content_metadata ALTER COLUMN must DROP DEFAULT")  # fmt: skip
    assert "replyloop doctor says: content_metadata: must may not be empty" in elsewhere.run("status").out
    assert elsewhere.run("db", "protect").out.startswith("Closed: reply_opportunities")
    assert elsewhere.run("db", "detach").code == 0
    assert elsewhere.run("db", "migrate").code == 0


def test_many_create_one_database_and_no_lock_of_a_session_stays(engine: sa.Engine) -> None:
    url = engine.url.set(database="made_by_many").render_as_string(hide_password=False)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ensure_database, [url] * 8))
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    assert rows_of(engine, held) == [(0,)]
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("DROP DATABASE made_by_many")

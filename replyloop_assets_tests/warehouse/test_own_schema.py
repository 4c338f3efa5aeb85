"""The loop's schema beside the bot's: nothing of the one lies in the other, and either can go."""

import pytest
import sqlalchemy as sa

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.warehouse.engine import create_engine
from replyloop_assets.warehouse.migrations import changed_migrations, migrate
from replyloop_assets.warehouse.schema import describe_schema
from replyloop_assets_tests.bot.calls import rows_of, run
from replyloop_assets_tests.warehouse.test_migrations import A_BOTS_OWN

SEED_NAMES = ["experiments", "reply_performance_analytics", "strategy_allocation"]
NAMES = """
    SELECT relname FROM pg_class
    WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %s) AND relkind IN ('r', 'v')
    ORDER BY relname
"""
FORMS = "SELECT oid::REGPROCEDURE::TEXT FROM pg_proc WHERE proname = %s ORDER BY 1"


def names_in(engine: sa.Engine, schema: str) -> list[str]:
    return [row[0] for row in rows_of(engine, NAMES, schema)]


@pytest.fixture
def elsewhere(empty_engine: sa.Engine) -> sa.Engine:
    """A bot whose tables, some of them of names that are ours, lie in a schema with a name to be quoted."""
    with empty_engine.begin() as connection:
        connection.exec_driver_sql('CREATE SCHEMA "My Bot"; SET LOCAL search_path = "My Bot"')
        connection.exec_driver_sql(A_BOTS_OWN.replace("%", "%%"))
        connection.exec_driver_sql("CREATE TABLE pivots (a INT); CREATE TABLE quarantine (b INT)")
    url = empty_engine.url.render_as_string(hide_password=False)
    return create_engine(url, "My Bot")


def test_a_bot_in_a_schema_of_its_own_keeps_it_to_itself(elsewhere: sa.Engine) -> None:
    before = names_in(elsewhere, "My Bot")
    migrate(elsewhere, "My Bot")
    assert names_in(elsewhere, "public") == []
    added = set(names_in(elsewhere, "My Bot")) - set(before)
    assert added == {"account_follower_snapshots", "experiments", "reply_performance_analytics"}
    told = "SELECT replyloop.record_opportunity('1', 'somebody', 7000, 1, 5)"
    assert rows_of(elsewhere, told)[0][0]["status"] == "recorded"
    assert rows_of(elsewhere, "SELECT count(*) FROM \"My Bot\".reply_opportunities WHERE tweet_id = '1'") == [
        (1,)
    ]
    assert len(rows_of(elsewhere, "SELECT * FROM replyloop.claim_next(1)")) == 1
    assert migrate(elsewhere, "My Bot") == []
    elsewhere.dispose()


def test_the_plans_names_show_and_take_the_plans_tables(engine: sa.Engine) -> None:
    assert [name for name in names_in(engine, "public") if name in SEED_NAMES] == SEED_NAMES
    run(
        engine,
        "INSERT INTO public.strategy_allocation (strategy_name, strategy_type) VALUES ('B', 'format');"
        "UPDATE public.strategy_allocation SET status = 'paused' WHERE strategy_name = 'B'",
    )
    assert rows_of(engine, "SELECT status FROM replyloop.strategy_allocation") == [("paused",)]
    rights = rows_of(
        engine,
        """
        SELECT count(*) FROM pg_class AS c
        CROSS JOIN LATERAL aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) AS held
        WHERE c.relkind = 'v' AND c.relnamespace = 'public'::REGNAMESPACE AND held.grantee <> c.relowner
        """,
    )
    assert rights == [(0,)]
    knows = rows_of(engine, "SELECT current_setting('server_version_num')::INT >= 150000")[0][0]
    options = rows_of(engine, "SELECT reloptions FROM pg_class WHERE oid = 'public.experiments'::REGCLASS")
    assert options == [(["security_invoker=true"] if knows else None,)]


def test_dropping_the_schema_uninstalls_and_migrating_installs_again(engine: sa.Engine) -> None:
    before = describe_schema(engine)
    run(engine, "INSERT INTO system_events (event_type) VALUES ('posted')")
    run(engine, "DROP SCHEMA replyloop CASCADE")
    assert names_in(engine, "public") == sorted(
        {
            "account_follower_snapshots",
            "content_metadata",
            "discovered_accounts",
            "reply_opportunities",
            "system_events",
            "tweet_metrics",
        }
    )
    assert migrate(engine)
    assert describe_schema(engine) == before
    assert rows_of(engine, "SELECT event_type FROM system_events") == [("posted",)]


def test_a_database_of_a_newer_program_is_refused(engine: sa.Engine) -> None:
    run(engine, "INSERT INTO migrations (name, checksum, version) VALUES ('9999_later', 'x', '9.9.9')")
    with pytest.raises(
        ReplyloopError, match=r"was migrated by replyloop 9\.9\.9 and this is .*: upgrade the"
    ):
        migrate(engine)


def test_a_function_of_another_form_is_made_anew_and_no_overload_stays(engine: sa.Engine) -> None:
    run(
        engine,
        "DROP FUNCTION arm_for(TEXT, TEXT, TIMESTAMPTZ); DROP FUNCTION unit_hash(TEXT, TEXT);"
        "CREATE FUNCTION arm_for(family TEXT, unit TEXT, at TIMESTAMPTZ) RETURNS TEXT LANGUAGE sql AS"
        " 'SELECT NULL::TEXT';"  # other names and another answer
        "CREATE FUNCTION arm_for(family TEXT) RETURNS TEXT LANGUAGE sql AS 'SELECT NULL::TEXT';"
        "CREATE FUNCTION unit_hash(a TEXT, b TEXT, c TEXT) RETURNS TEXT LANGUAGE sql AS 'SELECT NULL::TEXT';"
        "CREATE FUNCTION of_an_older_version() RETURNS TEXT LANGUAGE sql AS 'SELECT NULL::TEXT';"
        "UPDATE migrations SET checksum = 'older' WHERE name = 'settled'",
    )
    assert migrate(engine) == []
    assert rows_of(engine, FORMS, "arm_for") == [("arm_for(text,text,timestamp with time zone)",)]
    assert rows_of(engine, FORMS, "unit_hash") == [("unit_hash(text,text)",)]
    assert rows_of(engine, FORMS, "of_an_older_version") == []
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL ROLE replyloop_bot")
        connection.exec_driver_sql("SELECT arm FROM replyloop.arm_for(dimension => 'format', unit => 'u')")


def test_no_committed_migration_has_changed() -> None:
    assert changed_migrations() == []

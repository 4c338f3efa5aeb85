"""Who may do what, over every table and function the catalog holds: a new one cannot be forgotten."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from replyloop_assets.warehouse.edges.build import protect_tables
from replyloop_assets.warehouse.edges.tables import EDGES as CONTRACT
from replyloop_assets.warehouse.engine import create_engine
from replyloop_assets.warehouse.migrations import migrate
from replyloop_assets_tests.bot.calls import (
    HOUR,
    NOW,
    allocate,
    everything,
    prefer,
    rows_of,
    run,
    start_experiment,
)
from replyloop_assets_tests.warehouse.test_migrations import A_BOTS_OWN

BOTS_TABLES = {
    "public.reply_opportunities",
    "public.discovered_accounts",
    "public.content_metadata",
    "public.tweet_metrics",
    "public.account_follower_snapshots",
    "public.system_events",
}
EDGES = {
    f"replyloop.{name}" for name in ("snapshots", "exported_snapshots", *(edge.view for edge in CONTRACT))
}
SEED_NAMES = {"public.reply_performance_analytics", "public.strategy_allocation", "public.experiments"}
CALLS = {
    "score_opportunity": "score_opportunity(5000, 10, 1, 'somebody', 100)",
    "read_search_plan": "read_search_plan()",
    "peek_queue": "peek_queue(10, :now)",
    "generator_for": "generator_for('somebody', 'u', :now)",
    "arm_for": "arm_for('format', 'u', :now)",
    "variant_for": "variant_for(:trial, 'u', :now)",
    "record_opportunity": "record_opportunity('100', 'somebody', 7000, 1, 5, discovered_at => :now)",
    "claim_next": "claim_next(1, 'me', :now)",
    "record_reply": "record_reply('d', '200', :now, target_username => 'somebody')",
    "record_metrics": "record_metrics('200', :later, 20, 3)",
    "record_error": "record_error('c', 'm')",
}
TABLES = """
    SELECT relnamespace::REGNAMESPACE || '.' || relname FROM pg_class
    WHERE
        relnamespace IN ('replyloop'::REGNAMESPACE, 'public'::REGNAMESPACE)
        AND relkind IN ('r', 'p', 'v', 'm', 'f')
"""
FUNCTIONS = """
    SELECT proname, oid::REGPROCEDURE::TEXT AS signature, pronargs FROM pg_proc
    WHERE pronamespace = 'replyloop'::REGNAMESPACE
        -- casts, which an index on a bot's table asks for
        AND proname NOT IN ('instant_of_number', 'instant_of_text', 'json_of_text')
"""
STRANGERS = ("anon", "authenticated", "nobody_at_all")


def tables_of(engine: sa.Engine) -> set[str]:
    return {row[0] for row in rows_of(engine, TABLES)}


def functions_of(engine: sa.Engine) -> dict[str, tuple[str, int]]:
    """Name and number of arguments of every function, by signature."""
    return {row.signature: (row.proname, row.pronargs) for row in rows_of(engine, FUNCTIONS)}


@contextmanager
def acting_as(engine: sa.Engine, role: str) -> Iterator[sa.Connection]:
    with engine.connect() as connection:
        connection.exec_driver_sql(f"SET ROLE {role}")
        connection.commit()
        try:
            yield connection
        finally:
            connection.invalidate()  # what the role left in the session goes with it


def refusal(connection: sa.Connection, statement: str) -> str | None:
    """The code of the refusal, None if the statement ran."""
    with connection.begin_nested() as nested:
        try:
            connection.exec_driver_sql(statement.replace("%", "%%"))
        except sa.exc.DBAPIError as error:
            return str(error.orig.sqlstate)  # type: ignore[union-attr]
        finally:
            nested.rollback()
    return None


def touches(engine: sa.Engine, table: str) -> dict[str, str]:
    with engine.connect() as connection:
        schema, _, name = table.partition(".")
        column = sa.inspect(connection).get_columns(name, schema)[0]["name"]
    if name == "snapshots":  # two tables together: nobody can write through it
        return {"select": f"SELECT * FROM {table} LIMIT 1"}
    return {
        "select": f"SELECT * FROM {table} LIMIT 1",
        "insert": f"INSERT INTO {table} DEFAULT VALUES",
        "update": f"UPDATE {table} SET {column} = {column}",
        "delete": f"DELETE FROM {table}",
        **({} if table in SEED_NAMES | EDGES else {"truncate": f"TRUNCATE {table}"}),  # which no view knows
    }


def call_of(signature: str, arguments: int) -> str:
    """A call with nulls that come from a row: as constants they would never reach the function."""
    types = signature[signature.index("(") + 1 : -1].split(",") if arguments else []
    values = ", ".join(f"NULL::{name} AS a{place}" for place, name in enumerate(types)) or "1"
    names = ", ".join(f"given.a{place}" for place in range(arguments))
    name = signature[: signature.index("(")]
    return f"SELECT replyloop.{name}({names}) FROM (SELECT {values} OFFSET 0) AS given"


REFUSED = "42501"
UNSEEN = "42704"  # a type in a schema that one may not look into


@pytest.fixture
def strangers(engine: sa.Engine) -> Iterator[None]:
    """Supabase's anonymous roles, and one without any name of its own, with Supabase's default privileges."""
    for role in STRANGERS:
        run(engine, f"CREATE ROLE {role}")
    yield
    for role in STRANGERS:
        run(engine, f"DROP OWNED BY {role}")
        run(engine, f"DROP ROLE {role}")


# ---- the bot


def test_the_bot_calls_its_functions_and_they_work(engine: sa.Engine) -> None:
    allocate(engine, "format", {"story": 1.0})
    prefer(engine, "*", {"Storyteller": 1.0})
    trial = start_experiment(engine, "posting_hour", "9", "18")
    values = {"now": NOW, "later": NOW + 25 * HOUR, "trial": trial}
    answers: dict[str, Any] = {}
    with acting_as(engine, "replyloop_bot") as connection:
        for name, call in CALLS.items():
            statement = sa.text(f"SELECT * FROM {call.replace(':trial', 'CAST(:trial AS UUID)')}")
            used = {key: value for key, value in values.items() if f":{key}" in call}
            answers[name] = [tuple(row) for row in connection.execute(statement, used)]
        connection.commit()
    assert answers["claim_next"][0][1] == "100"
    assert answers["record_metrics"] == [({"status": "recorded", "feedback": "high"},)]
    assert answers["variant_for"][0][0] in ("control", "treatment")
    assert all(answers[name] for name in CALLS if name not in ("read_search_plan", "peek_queue"))


def test_the_bot_has_its_functions_and_nothing_else(engine: sa.Engine) -> None:
    functions = functions_of(engine)
    assert {name for name, _ in functions.values()} >= set(CALLS)
    with acting_as(engine, "replyloop_bot") as connection:
        for signature, (name, arguments) in functions.items():
            refused = refusal(connection, call_of(signature, arguments))
            assert (refused == REFUSED) == (name not in CALLS), signature
        for table in tables_of(engine):
            for verb, statement in touches(engine, table).items():
                assert refusal(connection, statement) == REFUSED, (verb, table)
        # up to PostgreSQL 14 whoever likes creates tables in public, of which the doctor warns
        if engine.dialect.server_version_info >= (15,):  # type: ignore[operator]
            assert refusal(connection, "CREATE TABLE public.mine (a INT)") == REFUSED


# ---- the reader


def test_the_reader_reads_what_the_loop_wrote_and_changes_nothing(engine: sa.Engine) -> None:
    allocate(engine, "format", {"story": 1.0})
    with acting_as(engine, "replyloop_reader") as connection:
        assert connection.exec_driver_sql(
            "SELECT strategy_name FROM strategy_allocation"
        ).scalars().all() == ["story"]
        for table in tables_of(engine):
            for verb, statement in touches(engine, table).items():
                may = verb == "select" and table not in BOTS_TABLES | EDGES | SEED_NAMES
                assert refusal(connection, statement) == (None if may else REFUSED), (verb, table)
        for signature, (_, arguments) in functions_of(engine).items():
            assert refusal(connection, call_of(signature, arguments)) == REFUSED, signature


# ---- everybody else


def test_every_table_of_the_loop_is_shielded_and_every_function_closed(engine: sa.Engine) -> None:
    shielded = {
        row[0]
        for row in rows_of(
            engine,
            "SELECT 'replyloop.' || relname FROM pg_class"
            " WHERE relnamespace = 'replyloop'::REGNAMESPACE AND relrowsecurity",
        )
    }
    assert shielded == tables_of(engine) - BOTS_TABLES - EDGES - SEED_NAMES
    open_ones = rows_of(
        engine,
        """
        SELECT p.oid::REGPROCEDURE::TEXT FROM pg_proc AS p
        CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS held
        WHERE p.pronamespace = 'replyloop'::REGNAMESPACE AND held.grantee = 0
        ORDER BY 1
        """,
    )
    # of which an index on a bot's table may be made
    assert [name for (name,) in open_ones] == [
        "instant_of_number(numeric)", "instant_of_text(text,text)", "json_of_text(text)",
    ]  # fmt: skip
    loose = rows_of(
        engine,
        """
        SELECT oid::REGPROCEDURE::TEXT FROM pg_proc
        WHERE pronamespace = 'replyloop'::REGNAMESPACE AND prosecdef
            AND proconfig IS DISTINCT FROM ARRAY['search_path=replyloop, public, pg_temp', 'TimeZone=UTC']
        """,
    )
    assert loose == []
    definers = rows_of(
        engine, "SELECT proname FROM pg_proc WHERE pronamespace = 'replyloop'::REGNAMESPACE AND prosecdef"
    )
    assert {row[0] for row in definers} == set(CALLS)


@pytest.mark.usefixtures("strangers")
def test_supabases_anonymous_roles_are_let_into_nothing(engine: sa.Engine) -> None:
    for role in STRANGERS[:2]:  # as Supabase's default privileges do
        run(engine, f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}")
        run(engine, f"GRANT USAGE ON SCHEMA replyloop TO {role}")
        run(engine, f"GRANT ALL ON ALL TABLES IN SCHEMA replyloop TO {role}")
        run(engine, f"GRANT ALL ON ALL FUNCTIONS IN SCHEMA replyloop TO {role}")
    run(engine, "DELETE FROM migrations WHERE name = 'settled'")
    migrate(engine)
    allocate(engine, "format", {"story": 1.0})
    for role in STRANGERS:
        with acting_as(engine, role) as connection:
            for signature, (_, arguments) in functions_of(engine).items():
                assert refusal(connection, call_of(signature, arguments)) in (REFUSED, UNSEEN), (
                    role,
                    signature,
                )
            for table in tables_of(engine) - BOTS_TABLES:
                for verb, statement in touches(engine, table).items():
                    assert refusal(connection, statement) == REFUSED, (role, verb, table)


@pytest.mark.parametrize("adopted", [False, True])
def test_defaults_that_give_all_to_everyone_open_nothing(empty_engine: sa.Engine, adopted: bool) -> None:
    """Supabase's classic ones. A table that the bot had is closed when it is asked for."""
    engine = empty_engine
    for role in STRANGERS[:2]:
        run(engine, f"CREATE ROLE {role}; GRANT USAGE ON SCHEMA public TO {role}")
        for kind in ("TABLES", "FUNCTIONS", "SEQUENCES"):
            run(engine, f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON {kind} TO {role}")
            run(engine, f"ALTER DEFAULT PRIVILEGES GRANT ALL ON {kind} TO {role}")
    try:
        if adopted:
            run(engine, A_BOTS_OWN.replace("%", "%%"))
        migrate(engine)
        run(engine, "CREATE ROLE anon_later; ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC")
        run(engine, "DELETE FROM migrations WHERE name = 'settled'")
        migrate(engine)
        if adopted:
            with engine.begin() as connection:
                closed, left = protect_tables(connection, "public")
            assert (len(closed), left) == (6, [])
        theirs = {"public.outcomes", "public.strategy_allocation"} if adopted else set()
        for role in STRANGERS[:2]:
            with acting_as(engine, role) as connection:
                for table in tables_of(engine) - theirs:
                    for verb, statement in touches(engine, table).items():
                        assert refusal(connection, statement) == REFUSED, (role, verb, table)
    finally:
        run(engine, "ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM PUBLIC")
        for role in (*STRANGERS[:2], "anon_later"):
            run(engine, f"DROP OWNED BY {role}; DROP ROLE {role}")


# ---- a malicious caller


def test_nothing_of_the_callers_own_is_run_with_the_owners_rights(engine: sa.Engine) -> None:
    allocate(engine, "format", {"story": 1.0})
    run(engine, "CREATE SCHEMA theirs")
    run(engine, "GRANT ALL ON SCHEMA theirs TO replyloop_bot")
    before = everything(engine)["strategy_allocation"]
    with acting_as(engine, "replyloop_bot") as connection:
        for statement in (
            "CREATE TEMP TABLE strategy_allocation"
            " (strategy_type TEXT, strategy_name TEXT, probability FLOAT, as_of TIMESTAMPTZ)",
            "INSERT INTO strategy_allocation VALUES ('format', 'theirs', 1, now())",
            "CREATE TEMP TABLE decision_ledger (LIKE strategy_allocation)",
            "CREATE TEMP TABLE loop_settings (settings JSONB)",
            *(
                f"CREATE FUNCTION {schema}.{function} RETURNS {returns} LANGUAGE plpgsql AS"
                " $f$ BEGIN RAISE EXCEPTION 'as %', current_user; END $f$"
                for schema in ("pg_temp", "theirs")
                for function, returns in (
                    ("ledger_key(a TEXT)", "TEXT"),
                    ("unit_hash(a TEXT, b TEXT)", "FLOAT"),
                    ("same(a TEXT, b TEXT)", "BOOLEAN"),
                    ("coalesce_all(a TEXT)", "TEXT"),
                    ("left(a TEXT, b INT)", "TEXT"),
                    ("now()", "TIMESTAMPTZ"),
                )
            ),
            "CREATE OPERATOR theirs.= (FUNCTION = theirs.same, LEFTARG = TEXT, RIGHTARG = TEXT)",
            "SET search_path = theirs, pg_temp, pg_catalog, replyloop",
        ):
            connection.exec_driver_sql(statement.replace("%", "%%"))
        given = connection.exec_driver_sql("SELECT arm FROM replyloop.arm_for('format', 'u')").scalar_one()
        assert given == "story"
        for name, call in CALLS.items():
            call = call.replace(":now", "'2026-05-20 12:00+00'").replace(":later", "'2026-05-21 13:00+00'")
            call = call.replace(":trial", "pg_catalog.gen_random_uuid()")
            connection.exec_driver_sql(f"SELECT * FROM replyloop.{call}".replace("%", "%%")).all()
            assert name
        assert connection.exec_driver_sql("SHOW search_path").scalar_one().startswith("theirs")
    assert everything(engine)["strategy_allocation"] == before


# ---- who migrates


@pytest.fixture
def modest(empty_engine: sa.Engine) -> Iterator[sa.Engine]:
    """The empty database as one who owns it and may create no roles."""
    run(empty_engine, "CREATE ROLE modest LOGIN")
    name = empty_engine.url.database
    run(empty_engine, f'ALTER DATABASE "{name}" OWNER TO modest')
    run(empty_engine, "GRANT ALL ON SCHEMA public TO modest")
    engine = create_engine(empty_engine.url.set(username="modest").render_as_string(hide_password=False))
    yield engine
    engine.dispose()
    run(empty_engine, f'ALTER DATABASE "{name}" OWNER TO CURRENT_USER')
    run(empty_engine, "DROP OWNED BY modest CASCADE")
    run(empty_engine, "DROP ROLE modest")


def warnings_of(engine: sa.Engine) -> list[str]:
    """What a migration warns of."""
    said: list[str] = []

    def listen(connection: Any, record: Any) -> None:
        connection.add_notice_handler(
            lambda notice: said.append(f"{notice.severity}: {notice.message_primary}")
        )

    sa.event.listen(engine, "connect", listen)
    migrate(engine)
    return [line for line in said if line.startswith("WARNING")]


def test_one_who_may_create_no_roles_is_warned_and_migrates(
    empty_engine: sa.Engine, modest: sa.Engine
) -> None:
    # hidden, not dropped: other databases of this server grant to them
    there = {
        row[0] for row in rows_of(empty_engine, "SELECT rolname FROM pg_roles WHERE rolname ~ '^replyloop_'")
    }
    for role in there:
        run(empty_engine, f"ALTER ROLE {role} RENAME TO hidden_{role}")
    try:
        warnings = warnings_of(modest)
        assert len(warnings) == 2
        assert all("Let an administrator do it" in line for line in warnings)
        assert {"arm_for"} < {name for name, _ in functions_of(modest).values()}
        with modest.begin() as connection:
            assert connection.exec_driver_sql("SELECT reason FROM arm_for('format', 'u')").scalar_one()
    finally:
        for role in there:
            run(empty_engine, f"ALTER ROLE hidden_{role} RENAME TO {role}")


def test_one_who_may_create_no_roles_uses_those_that_are_there(
    engine: sa.Engine, empty_engine: sa.Engine, modest: sa.Engine
) -> None:
    assert rows_of(engine, "SELECT to_regrole('replyloop_bot')::TEXT") == [("replyloop_bot",)]
    assert warnings_of(modest) == []
    with acting_as(empty_engine, "replyloop_bot") as connection:
        assert connection.exec_driver_sql("SELECT arm FROM arm_for('format', 'u')").scalar_one() is None


def test_a_bots_own_tables_stay_open_to_whom_they_were_open(empty_engine: sa.Engine) -> None:
    with empty_engine.begin() as connection:
        connection.exec_driver_sql(A_BOTS_OWN.replace("%", "%%"))
        connection.exec_driver_sql("GRANT SELECT, INSERT ON outcomes, strategy_allocation TO PUBLIC")
    migrate(empty_engine)
    with acting_as(empty_engine, "replyloop_reader") as connection:
        found = [
            connection.exec_driver_sql(f"SELECT {column} FROM {table}").scalars().all()
            for table, column in (
                ("public.outcomes", "note"),
                ("public.strategy_allocation", "strategy_name"),
                ("replyloop.outcomes", "decision_id"),
                ("replyloop.strategy_allocation", "strategy_name"),
            )
        ]
    assert found == [["the bot's own"], ["old"], [], []]

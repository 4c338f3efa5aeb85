"""Every version of the schema that ever was on main is taken over, with its rows (see record_schema.py)."""

import json
from typing import Any

import pytest
import sqlalchemy as sa

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.postgres.server import Server
from replyloop_assets.warehouse.engine import create_engine
from replyloop_assets.warehouse.migrations import migrate, migrations
from replyloop_assets.warehouse.queries import run_script
from replyloop_assets.warehouse.schema import describe_schema
from replyloop_assets_tests.warehouse.made_up import EXPERIMENT
from replyloop_assets_tests.warehouse.record_schema import recorded

Rows = dict[str, list[dict[str, Any]]]

VERSIONS = recorded()
ADOPTED = "46d2a6e-adopted"  # that version in the database of a bot with tables of its own
LEDGERS = ("replyloop_migrations", "migrations")
QUEUE = ("queue_away", "queue_news", "queue_posts", "queue_slots", "queue_state")
SETTLED = (*LEDGERS, *QUEUE, "dimensions")  # these rows are the program's
# What has another name now, by table.
RENAMED = {
    "decision_ledger": {"family": "dimension"},
    "experiments": {"strategy_type": "dimension"},
    "optimization_weights": {"kind": "dimension", "name": "value"},
    "policy_evaluation": {"strategy_type": "dimension"},
    "strategy_allocation_history": {"strategy_type": "dimension", "strategy_name": "value"},
}
# What stands in the column `slots` now, by table: the former column and the key.
SLOTS = {
    "classified_opportunities": {
        "engagement_tier": "engagement_tier",
        "account_size_tier": "account_size",
        "timing_window": "timing_window",
    },
    "reply_outcomes": {
        "engagement_tier": "engagement_tier",
        "account_size": "account_size",
        "timing_window": "timing_window",
        "search_query": "search_query",
    },
}
# tables of a bot, under names that the loop has too
A_BOTS_OWN = """
    SET LOCAL search_path = public;
    CREATE TABLE outcomes (id SERIAL PRIMARY KEY, note TEXT);
    CREATE TABLE experiments (name TEXT PRIMARY KEY, arms TEXT[]);
    CREATE TABLE pivots (id INTEGER, chart TEXT);
    CREATE TABLE quarantine (id BIGINT PRIMARY KEY, mail JSONB);
    CREATE TABLE strategy_allocation (strategy_name TEXT, share REAL, as_of DATE);
    INSERT INTO outcomes (note) VALUES ('good'), ('bad');
    INSERT INTO experiments VALUES ('one', '{a,b}');
    INSERT INTO pivots VALUES (1, 'sales');
    INSERT INTO quarantine VALUES (7, '{"from": "somebody"}');
    INSERT INTO strategy_allocation VALUES ('story', 0.5, '2026-01-01');
"""
TABLES = """
    SELECT relname, format('%I.%I', relnamespace::REGNAMESPACE, relname) FROM pg_class
    WHERE relkind = 'r' AND relnamespace::REGNAMESPACE::TEXT = :schema
"""
IN_PUBLIC = """
    SELECT relkind::TEXT || ' ' || relname FROM pg_class
    WHERE relnamespace = 'public'::REGNAMESPACE AND relkind NOT IN ('i', 't')
    UNION ALL
    SELECT 'f ' || proname FROM pg_proc WHERE pronamespace = 'public'::REGNAMESPACE
"""
RIGHTS = """
    SELECT concat_ws(
        ' ', oid::REGCLASS,
        -- a table of the bot's that was there is left as open as it is
        CASE WHEN relkind = 'v' OR relnamespace = 'replyloop'::REGNAMESPACE THEN (relrowsecurity, relacl) END
    ) FROM pg_class
    WHERE relkind IN ('r', 'v') AND relnamespace::REGNAMESPACE::TEXT IN ('public', 'replyloop')
    UNION ALL
    SELECT concat_ws(' ', oid::REGPROCEDURE, prosecdef, proconfig, proacl) FROM pg_proc
    WHERE pronamespace::REGNAMESPACE::TEXT IN ('public', 'replyloop')
    UNION ALL
    SELECT concat_ws(' ', polrelid::REGCLASS, polname, polcmd, polroles::REGROLE[]) FROM pg_policy
"""
AT = "at => '2026-03-01 12:10+00'"
# the bot's eleven functions in the order of a bot's life, each with a column that must hold an answer
CALLS = (
    (
        "score_opportunity",
        "like_count => 42000, posted_minutes_ago => 45, reply_count => 130",
        "opportunity_score_v2",
    ),
    (
        "record_opportunity",
        "tweet_id => '1990000000000000011', target_username => 'CERN', like_count => 42000,"
        " reply_count => 130, posted_minutes_ago => 45, discovered_at => '2026-03-01 12:00+00'",
        "recorded",
    ),
    ("read_search_plan", "", "web_query"),
    ("peek_queue", AT, "tweet_id"),
    ("claim_next", f"most => 1, claimed_by => 'a bot', {AT}", "decision_id"),
    ("generator_for", f"account => '@CERN', unit => 'a later unit', {AT}", "generator"),
    ("arm_for", f"dimension => 'format', unit => 'a later unit', {AT}", "reason"),
    ("variant_for", f"experiment => '{EXPERIMENT}', unit => 'a later unit', {AT}", "reason"),
    (
        "record_reply",
        "decision_id => '{decision_id}', tweet_id => '1990000000000000019',"
        " posted_at => '2026-03-01 12:20+00', content => 'How?'",
        "recorded",
    ),
    (
        "record_metrics",
        "tweet_id => '1990000000000000019', collected_at => '2026-03-02 13:00+00', followers_gained => 17",
        "recorded",
    ),
    ("record_error", "component => 'harvester', message => 'HTTP 429', error_id => 'h-2'", "recorded"),
)
ALL_ANSWER = {name: True for name, _, _ in CALLS}


def rows_of(engine: sa.Engine, *schemas: str) -> Rows:
    """Every row of every table; where two schemas have one of a name, the later schema's."""
    with engine.connect() as connection:
        return {
            name: list(connection.exec_driver_sql(f"SELECT to_jsonb(t) FROM {place} AS t").scalars())
            for schema in schemas
            for name, place in connection.execute(sa.text(TABLES), {"schema": schema}).all()
        }


def restore(engine: sa.Engine, version: str) -> Rows:
    """Put a recorded version into an empty database; its rows."""
    with engine.begin() as connection:
        run_script(connection, VERSIONS[version])
    rows = rows_of(engine, "public", "replyloop")
    assert all(rows.values())
    return rows


def columns_of(engine: sa.Engine) -> dict[str, list[str]]:
    """The columns of the bot's tables, with their types."""
    inspector = sa.inspect(engine)
    return {
        table: [f"{column['name']} {column['type']}" for column in inspector.get_columns(table, "public")]
        for table in inspector.get_table_names("public")
    }


def as_now(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """A row of a former version under today's names."""
    slots = {key: row[old] or "unknown" for old, key in SLOTS.get(table, {}).items() if old in row}
    names = RENAMED.get(table, {})
    rest = {names.get(name, name): row[name] for name in row if name not in SLOTS.get(table, {})}
    return rest | {"slots": slots} if slots else rest


def lost(before: Rows, after: Rows) -> list[str]:
    """The rows that are no longer there with the value they had in every column, and those that came."""
    found = []
    for table, rows in before.items():
        if table in SETTLED:
            continue
        old = [as_now(table, row) for row in rows]
        new = [{name: row.get(name, "no such column") for name in old[0]} for row in after.get(table, [])]
        if "slots" in old[0]:
            new = [row | {"slots": {key: row["slots"].get(key) for key in old[0]["slots"]}} for row in new]
        left, come = (sorted(map(json.dumps, some)) for some in (old, new))
        found += [f"{table}: {row}" for row in {*left} ^ {*come}] or [table] * (left != come)
    return found


def described(engine: sa.Engine) -> tuple[list[str], ...]:
    """The schema, who may do what in it, and what of it lies among the bot's tables."""
    with engine.connect() as connection:
        others = [sorted(connection.exec_driver_sql(query).scalars()) for query in (RIGHTS, IN_PUBLIC)]
    return describe_schema(engine).splitlines(), *others


def answers(engine: sa.Engine) -> dict[str, bool]:
    """Whether each of the bot's functions answers, to the role that may call them and nothing else."""
    given = {}
    decision = ""
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL ROLE replyloop_bot")
        for name, arguments, column in CALLS:
            call = f"SELECT * FROM replyloop.{name}({arguments.replace('{decision_id}', decision)})"
            row = connection.exec_driver_sql(call).mappings().first() or {}
            decision = row.get("decision_id", decision)
            given[name] = row[name]["status"] == column if name in row else row.get(column) is not None
    return given


@pytest.fixture(scope="module")
def from_nothing(server: Server, template: str) -> tuple[list[str], ...]:
    """What a database is that was made by the present version."""
    engine = create_engine(server.url(template))
    try:
        return described(engine)
    finally:
        engine.dispose()


@pytest.mark.parametrize("version", [name for name in VERSIONS if name != ADOPTED])
def test_a_version_upgrades_with_its_rows(
    version: str, empty_engine: sa.Engine, from_nothing: tuple[list[str], ...]
) -> None:
    before = restore(empty_engine, version)
    held = {row["name"] for table in LEDGERS for row in before.get(table, [])}
    names = [path.stem for path, _ in migrations()]
    assert migrate(empty_engine) == [name for name in names if name not in held]
    assert lost(before, rows_of(empty_engine, "public", "replyloop")) == []
    assert described(empty_engine) == from_nothing
    assert migrate(empty_engine) == []
    assert answers(empty_engine) == ALL_ANSWER


def test_the_bots_schema_holds_the_bots_tables_and_the_plans_names(
    from_nothing: tuple[list[str], ...],
) -> None:
    _, _, in_public = from_nothing
    assert in_public == [
        "r account_follower_snapshots",
        "r content_metadata",
        "r discovered_accounts",
        "r reply_opportunities",
        "r system_events",
        "r tweet_metrics",
        "v experiments",
        "v reply_performance_analytics",
        "v strategy_allocation",
    ]


def test_no_function_has_a_second_signature(from_nothing: tuple[list[str], ...]) -> None:
    names = [line.partition("(")[0] for line in from_nothing[0] if line.startswith("function ")]
    assert len(names) == len(set(names)) > 40


def test_a_version_among_a_bots_own_tables_upgrades(empty_engine: sa.Engine) -> None:
    before = restore(empty_engine, ADOPTED)
    migrate(empty_engine)
    after = rows_of(empty_engine, "replyloop", "public")
    own = ("outcomes", "strategy_allocation")
    assert {table: after[table] for table in own} == {table: before[table] for table in own}
    assert lost({t: r for t, r in before.items() if t not in own}, after) == []
    assert migrate(empty_engine) == []
    assert answers(empty_engine) == ALL_ANSWER


def test_a_bots_own_tables_are_left_alone(empty_engine: sa.Engine) -> None:
    with empty_engine.begin() as connection:
        run_script(connection, A_BOTS_OWN)
    before = rows_of(empty_engine, "public"), columns_of(empty_engine)
    migrate(empty_engine)
    after = rows_of(empty_engine, "public"), columns_of(empty_engine)
    for was, now in zip(before, after, strict=True):
        assert {table: now[table] for table in was} == was
    assert {*before[0]} <= {*rows_of(empty_engine, "replyloop")}


def test_what_depends_on_a_column_that_goes_is_named(empty_engine: sa.Engine) -> None:
    before = restore(empty_engine, "46d2a6e")
    with empty_engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE VIEW public.mine AS SELECT search_query FROM public.reply_outcomes"
        )
    with pytest.raises(
        ReplyloopError, match=r"stands on .* \(view mine depends on column search_query .*drop that"
    ):
        migrate(empty_engine)
    assert rows_of(empty_engine, "public", "replyloop") == before

"""Declared reads are real reads: the edges of the graph are what the statements of each asset read."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from typing import Any

import dagster as dg
import sqlalchemy as sa
import sqlglot
from sqlglot import exp

from replyloop_assets.assets import STAGES
from replyloop_assets.assets.outside import ASSET_OF
from replyloop_assets.assets.pivots import move_pivot
from replyloop_assets.automation.schedules import FACTS
from replyloop_assets.definitions import defs
from replyloop_assets.learning.health.pivoting import Move
from replyloop_assets.partitions import Window, days_between
from replyloop_assets.warehouse.edges.tables import EDGES
from replyloop_assets.warehouse.queries import project_file
from replyloop_assets_tests.life import ALL_DAYS, load_life, runtime_at

GRAPH = defs.resolve_asset_graph()
NOW = datetime.combine(ALL_DAYS[45], time(6), UTC)  # the sample's experiment runs
MACHINERY = {"stage_days", "stage_failures", "loop_settings", "dimensions"}
TABLES = (
    ASSET_OF
    | {table: stage.name for stage in STAGES for table in (stage.name, stage.writes)}
    | dict.fromkeys(["outcomes", "logged_decisions"], "reply_outcomes")
    | {"reply_opportunities": "reply_opportunities"}
)
TABLES |= {edge.view: TABLES[edge.table] for edge in EDGES}
TABLES |= dict.fromkeys(["snapshots", "seen_snapshots"], TABLES["tweet_metrics"])
OWN = {"pivots": "pivot_decisions"}  # beside what bears the asset's name
DROP = """
    UPDATE health_status
    SET
        status = 'degraded', pivot_warranted = TRUE, episode_started_at = as_of - INTERVAL '5 days',
        segment_started_on = day - 20
    WHERE day = (SELECT max(day) FROM health_status)
"""
FUNCTIONS = """
    SELECT proname, prosrc, lanname
    FROM pg_proc
    INNER JOIN pg_language ON pg_proc.prolang = pg_language.oid
    WHERE pronamespace::REGNAMESPACE::TEXT NOT IN ('pg_catalog', 'information_schema')
"""
Statements = dict[str, set[str]]


class Reader:
    """Says which tables a statement reads, through the functions it calls too."""

    def __init__(self, engine: sa.Engine) -> None:
        with engine.connect() as connection:
            found = sa.inspect(connection)
            self.tables = {*found.get_table_names(), *found.get_view_names()}
            self.functions = {row.proname: row for row in connection.execute(sa.text(FUNCTIONS))}

    def reads(self, statement: str) -> set[str]:
        """All but what the statement itself writes: to look there first is part of writing."""
        return {
            table for tree in sqlglot.parse(statement, dialect="postgres") for table in self.read_by(tree)
        }

    def read_by(self, tree: Any) -> set[str]:
        names = {table.name for table in tree.find_all(exp.Table) if isinstance(table.this, exp.Identifier)}
        queries = {query.alias for query in tree.find_all(exp.CTE)}
        assert not queries & self.tables, "a query that bears a table's name hides it"
        assert names <= queries | self.tables, names - queries - self.tables
        called = {function.name.lower() for function in tree.find_all(exp.Anonymous)} & set(self.functions)
        for name in called:
            assert self.functions[name].lanname == "sql", f"{name} may read what is not seen here"
            names |= self.reads(self.functions[name].prosrc)
        if is_of_alerts(tree):
            names.discard("events")  # the loop's own messages to the operator
        return names - queries - written(tree)


def written(tree: Any) -> set[str]:
    """The tables that a statement inserts into, updates or deletes from."""
    targets = (change.this for change in tree.find_all(exp.Insert, exp.Update, exp.Delete))
    return {(target.this if isinstance(target, exp.Schema) else target).name for target in targets}


def is_of_alerts(tree: Any) -> bool:
    return any(
        one.this.name == "event_type" and one.expression.name == "replyloop_alert"
        for one in tree.find_all(exp.EQ)
    )


@contextmanager
def noted(engine: sa.Engine, name: str, statements: Statements) -> Iterator[None]:
    """Note what is executed for the asset of this name."""

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if "SAVEPOINT" not in statement:
            statements[name].add(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    yield
    sa.event.remove(engine, "before_cursor_execute", note)


def live(engine: sa.Engine) -> Statements:
    """What every asset executes on past days, on the newest closed one and on the running one."""
    statements: Statements = defaultdict(set)
    load_life(engine)
    runtime = runtime_at(engine, NOW)
    days = days_between(ALL_DAYS[0], NOW.date())
    for stage in STAGES:
        with noted(engine, stage.name, statements):
            for day in days if stage in FACTS else days[-3:]:
                stage.fill(runtime, Window.at(day, NOW))
    with engine.begin() as connection:
        connection.exec_driver_sql(DROP)
    with noted(engine, "pivots", statements):
        assert isinstance(move_pivot(engine, lambda: NOW + timedelta(hours=1), runtime.settings), Move)
    return statements


def test_the_edges_are_what_is_read_and_all_that_is_read(engine: sa.Engine) -> None:
    statements, reader = live(engine), Reader(engine)
    executed = "\n".join(one for of_asset in statements.values() for one in of_asset)
    files = {path.stem: path.read_text() for path in project_file("sql/stages").glob("*.sql")}
    unseen = [name for name, text in files.items() if text.splitlines()[0] not in executed]
    assert unseen == [], "what was never executed shows no reads"
    assert set(TABLES) <= reader.tables
    for asset, of_asset in statements.items():
        tables = {table for one in of_asset for table in reader.reads(one)} - MACHINERY
        read = {TABLES[table] for table in tables} - {asset, OWN.get(asset)}
        declared = {key.to_user_string() for key in GRAPH.get(dg.AssetKey(asset)).parent_keys}
        assert read == declared, asset

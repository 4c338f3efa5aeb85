from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.partitions import days_between
from replyloop_assets.warehouse.migrations import migrate
from replyloop_assets.warehouse.queries import project_file
from replyloop_assets.warehouse.schema import describe_schema
from replyloop_assets_tests.life import fill, stage_rows

# A bot's database before replyloop: other types, other columns, rows, and the seed's own tables.
A_BOTS_OWN = """
    CREATE TABLE content_metadata (
        decision_id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
        content TEXT NOT NULL,
        tweet_id TEXT,
        status VARCHAR(20),
        posted_at TIMESTAMPTZ,
        bandit_arm TEXT
    );
    INSERT INTO content_metadata (content, tweet_id, status, posted_at, bandit_arm)
    SELECT 'text ' || n, 't' || n, 'posted', TIMESTAMPTZ '2026-01-01' + n * INTERVAL '1 hour', 'arm'
    FROM generate_series(1, 50) AS n;
    CREATE TABLE reply_opportunities (id BIGSERIAL PRIMARY KEY, tweet_id TEXT UNIQUE, like_count INTEGER);
    INSERT INTO reply_opportunities (tweet_id, like_count)
    SELECT 'o' || n, n * 1000 FROM generate_series(1, 50) n;
    CREATE TABLE tweet_metrics (
        tweet_id TEXT, collected_at TIMESTAMPTZ, likes INTEGER, PRIMARY KEY (tweet_id, collected_at)
    );
    INSERT INTO tweet_metrics SELECT 't' || n, TIMESTAMPTZ '2026-01-03' + n * INTERVAL '1 hour', n
    FROM generate_series(1, 50) AS n;
    CREATE TABLE discovered_accounts (
        username TEXT PRIMARY KEY, follower_count INTEGER, avg_followers_per_reply REAL
    );
    INSERT INTO discovered_accounts VALUES ('somebody', 10, 3.5);
    CREATE TABLE system_events (id SERIAL PRIMARY KEY, event_type TEXT, event_data JSONB);
    INSERT INTO system_events (event_type, event_data) VALUES ('posted', '{"a": 1}');
    CREATE TABLE strategy_allocation (
        id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
        strategy_name TEXT NOT NULL, strategy_type TEXT NOT NULL,
        current_allocation_pct NUMERIC(5, 2), target_allocation_pct NUMERIC(5, 2),
        avg_followers_gained NUMERIC(10, 2), confidence_score NUMERIC(5, 4), sample_size INTEGER, status TEXT,
        is_exploration BOOLEAN, strategy_params JSONB, last_used TIMESTAMPTZ, created_at TIMESTAMPTZ,
        updated_at TIMESTAMPTZ
    );
    INSERT INTO strategy_allocation (strategy_name, strategy_type) VALUES ('old', 'search_query');
    CREATE TABLE outcomes (id SERIAL PRIMARY KEY, note TEXT);
    INSERT INTO outcomes (note) VALUES ('the bot''s own');
"""
OWN_TABLES = (
    "content_metadata",
    "reply_opportunities",
    "tweet_metrics",
    "discovered_accounts",
    "system_events",
    "strategy_allocation",
    "outcomes",
)


def own_rows(engine: sa.Engine, columns: dict[str, list[str]]) -> dict[str, list[str]]:
    with engine.connect() as connection:
        return {
            table: sorted(
                map(repr, connection.execute(sa.text(f"SELECT {', '.join(names)} FROM public.{table}")))
            )
            for table, names in columns.items()
        }


def test_from_nothing_equals_the_recorded_schema(empty_engine: sa.Engine) -> None:
    migrate(empty_engine)
    assert describe_schema(empty_engine) == project_file("sql/schema.txt").read_text(), "run `make schema`"


def test_the_seeds_columns_and_types_are_kept(engine: sa.Engine) -> None:
    schema = describe_schema(engine)
    for line in (
        "column avg_followers_gained numeric(10,2) default 0",
        "column confidence_score numeric(5,4) default 0",
        "column performance_tier text",
        "column current_allocation_pct numeric(5,2) default 0",
        "column treatment_allocation_pct numeric(5,2) default 10",
        "column confidence_level numeric(5,4)",
        "column opportunity_score_v2 numeric(10,2) default 0",
        "column last_success_at timestamp with time zone",
    ):
        assert f"  {line}\n" in schema
    for index in (
        "idx_perf_analytics_dimension",
        "idx_perf_analytics_updated",
        "idx_strategy_allocation_status",
        "idx_strategy_allocation_type",
        "idx_experiments_status",
    ):
        assert f" {index} " in schema


def test_a_bots_own_database_keeps_every_row_and_column(empty_engine: sa.Engine) -> None:
    with empty_engine.begin() as connection:
        connection.exec_driver_sql(A_BOTS_OWN)
        inspector = sa.inspect(connection)
        columns = {t: [c["name"] for c in inspector.get_columns(t)] for t in OWN_TABLES}
        types = {t: [str(c["type"]) for c in inspector.get_columns(t)] for t in OWN_TABLES}
    before = own_rows(empty_engine, columns)
    assert migrate(empty_engine)
    assert own_rows(empty_engine, columns) == before
    with empty_engine.connect() as connection:
        inspector = sa.inspect(connection)
        for table, names in types.items():
            assert [str(c["type"]) for c in inspector.get_columns(table, "public")][: len(names)] == names


def test_a_second_run_changes_nothing(engine: sa.Engine) -> None:
    before = describe_schema(engine)
    assert migrate(engine) == []
    assert describe_schema(engine) == before


def test_migrations_at_once_wait_for_each_other(empty_engine: sa.Engine) -> None:
    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(lambda _: migrate(empty_engine), range(4)))
    assert sorted(map(len, applied))[:3] == [0, 0, 0]
    assert max(map(len, applied)) == len(list(project_file("sql/migrations").glob("*.sql")))


def test_a_failed_migration_leaves_nothing(empty_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    from replyloop_assets.warehouse import migrations

    ran = []

    def break_at_the_last(connection: sa.Connection, text: str) -> None:
        ran.append(text)
        run_script(connection, "SELECT 1 / 0" if len(ran) == 3 else text)

    run_script = migrations.run_script
    monkeypatch.setattr(migrations, "run_script", break_at_the_last)
    with pytest.raises(Exception, match="division by zero"):
        migrate(empty_engine)
    assert describe_schema(empty_engine).strip() == ""


def test_a_changed_migration_is_refused(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE migrations SET checksum = 'other' WHERE name LIKE '0002%%'")
    with pytest.raises(ReplyloopError, match="0002_seed_tables was applied to this database in another form"):
        migrate(engine)


def test_the_chain_runs_on_a_bots_own_tables(empty_engine: sa.Engine) -> None:
    with empty_engine.begin() as connection:
        connection.exec_driver_sql(A_BOTS_OWN)
    migrate(empty_engine)
    with empty_engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE content_metadata"
            " SET target_username = 'Somebody', target_tweet_id = replace(tweet_id, 't', 'o');"
            "UPDATE tweet_metrics SET followers_gained = likes %% 7;"
            "UPDATE reply_opportunities SET discovered_at = '2026-01-02', target_username = 'somebody'"
        )
    days = days_between(date(2026, 1, 1), date(2026, 1, 8))
    now = datetime(2026, 1, 8, 12, tzinfo=UTC)
    fill(empty_engine, now, days)
    rows = stage_rows(empty_engine, days[-1])
    assert len(rows["reply_outcomes"]) == len(rows["classified_opportunities"]) == 50
    assert rows["strategy_allocation_history"]
    assert rows["health_status"]
    with empty_engine.connect() as connection:
        accounts = connection.execute(sa.text("SELECT avg_followers_per_reply FROM discovered_accounts"))
        assert accounts.scalars().all() == [pytest.approx(sum(n % 7 for n in range(1, 51)) / 50, abs=0.01)]

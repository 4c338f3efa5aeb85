"""The facts of 90 days, as a live bot would have written them, and ways to compare what came of them."""

import dataclasses
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import sqlalchemy as sa

from replyloop_assets.assets import ASSETS, STAGES
from replyloop_assets.assets.stage import Runtime
from replyloop_assets.partitions import Window, days_between
from replyloop_assets.settings import load_settings
from replyloop_assets.sources.importing import import_file
from replyloop_assets_tests import sample
from replyloop_assets_tests.sample import EXPERIMENT

FIRST, LAST = sample.FIRST_DAY, sample.LAST_DAY
END = datetime.combine(LAST + timedelta(days=1), datetime.min.time(), UTC)
ALL_DAYS = days_between(FIRST, LAST)
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

# Instead of one export, snapshots as a bot takes them: one that is not ripe, one that is; for some
# replies the ripe one never comes, for some none does. The treatment is made to win clearly.
AS_A_BOT = """
    CREATE TEMP TABLE exported ON COMMIT DROP AS
    SELECT metrics.*, content.posted_at, content.target_username,
        ('x' || left(md5(metrics.tweet_id), 6))::BIT(24)::INT AS dice,
        CASE WHEN content.experiment_variant = 'treatment' THEN 4 ELSE 1 END AS lift
    FROM tweet_metrics AS metrics INNER JOIN content_metadata AS content USING (tweet_id);
    DELETE FROM tweet_metrics;
    INSERT INTO tweet_metrics
        (tweet_id, collected_at, source, impressions, likes, followers_gained, profile_clicks)
    SELECT tweet_id, posted_at + INTERVAL '3 hours', 'bot', impressions / 2, likes / 2, 0, profile_clicks / 2
    FROM exported WHERE dice % 20 <> 0;
    INSERT INTO tweet_metrics
        (tweet_id, collected_at, source, impressions, likes, followers_gained, profile_clicks)
    SELECT tweet_id, posted_at + INTERVAL '24 hours' + dice % 1300 * INTERVAL '1 minute', 'bot',
        impressions, likes, followers_gained * lift, profile_clicks
    FROM exported WHERE dice % 20 NOT IN (0, 1);
    UPDATE content_metadata SET recorded_at = posted_at;
    UPDATE reply_opportunities SET recorded_at = discovered_at;
    UPDATE tweet_metrics SET recorded_at = collected_at;
    INSERT INTO system_events (event_type, event_data, severity, created_at)
    SELECT 'bot_error', jsonb_build_object('component', 'poster', 'message', error), 'error', posted_at
    FROM exported, unnest(ARRAY[
        format('reply to %s failed: socket hang up', tweet_id), format('no user %s here', target_username)
    ]) WITH ORDINALITY AS told (error, n)
    WHERE dice % 5 < n;
"""
ARRIVES = {
    "reply_opportunities": "discovered_at",
    "content_metadata": "posted_at",
    "tweet_metrics": "collected_at",
    "system_events": "created_at",
}
LIVE_TABLES = (
    "strategy_allocation",
    "experiments",
    "experiment_events",
    "discovered_accounts",
    "reply_opportunities",
    "search_plan",
    "generator_preferences",
    "pivots",
)


def load_life(engine: sa.Engine) -> None:
    """The sample, with a bot's own snapshots."""
    for path in sample.FILES:
        import_file(engine, path)
    sample.start_experiment(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(AS_A_BOT.replace("%", "%%"))


def runtime_at(engine: sa.Engine, now: datetime) -> Runtime:
    """The loop as it stands at the simulated instant `now`."""
    return Runtime(engine, load_settings(), now=lambda: now)


def run_in_dagster(
    engine: sa.Engine, now: datetime, first: date, last: date, instance: dg.DagsterInstance
) -> dg.ExecuteInProcessResult:
    """One real Dagster run of the whole chain over a range."""
    return dg.materialize(
        ASSETS,
        selection=dg.AssetSelection.assets(*(stage.name for stage in STAGES)),
        instance=instance,
        resources={"runtime": runtime_at(engine, now)},
        run_config=QUIET,
        raise_on_error=False,
        tags={
            "dagster/asset_partition_range_start": first.isoformat(),
            "dagster/asset_partition_range_end": last.isoformat(),
        },
    )


def fill(
    engine: sa.Engine, now: datetime, days: list[date], stages: Any = STAGES, batch: int | None = None
) -> None:
    """Fill days stage by stage, as the assets do; `batch`: at most so many at once."""
    runtime = runtime_at(engine, now)
    if batch is not None:
        settings = runtime.settings.model_copy(update={"batch_windows": batch})
        runtime = dataclasses.replace(runtime, settings=settings)
    for stage in stages:
        for _, result in stage.fill_days(runtime, [Window.at(day, now) for day in days]):
            if isinstance(result, Exception):
                raise result


def stage_rows(engine: sa.Engine, last: date = LAST) -> dict[str, list[tuple[Any, ...]]]:
    """Every stage table whole, for the days up to `last`."""
    tables = {stage.writes: "day" for stage in STAGES} | {"outcomes": "(known_at AT TIME ZONE 'UTC')::DATE"}
    rows = {}
    with engine.connect() as connection:
        for table, day in tables.items():
            names = [column["name"] for column in sa.inspect(connection).get_columns(table)]
            if table == "outcomes":
                names.remove("id")
            query = f"SELECT {', '.join(names)} FROM {table} WHERE {day} <= :last"
            rows[table] = sorted(map(tuple, connection.execute(sa.text(query), {"last": last})), key=repr)
    return rows


def live_rows(engine: sa.Engine) -> dict[str, list[str]]:
    """Every live table, byte for byte."""
    with engine.connect() as connection:
        return {
            table: sorted(
                connection.execute(sa.text(f"SELECT row_to_json(t)::TEXT FROM {table} AS t")).scalars()
            )
            for table in LIVE_TABLES
        }


def copy_facts(source: sa.Engine, target: sa.Engine, since: datetime, until: datetime) -> None:
    """Bring over the facts of [since, until), row for row."""
    with source.connect() as read, target.begin() as write:
        for table, instant in ARRIVES.items():
            query = f"SELECT * FROM {table} WHERE {instant} >= :since AND {instant} < :until"
            rows = read.execute(sa.text(query), {"since": since, "until": until}).mappings().all()
            if rows:
                names = list(rows[0])
                places = ", ".join(f":{name}" for name in names)
                statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"
                values = [
                    {
                        name: json.dumps(value) if isinstance(value, dict) else value
                        for name, value in row.items()
                    }
                    for row in rows
                ]
                write.execute(sa.text(statement), values)


def experiment_state(engine: sa.Engine) -> tuple[str, str | None]:
    """The status and decision of the sample's experiment."""
    query = "SELECT status, decision FROM experiments WHERE id = :id"
    with engine.connect() as connection:
        row = connection.execute(sa.text(query), {"id": EXPERIMENT}).one()
    return row.status, row.decision

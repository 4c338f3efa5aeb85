"""What an import costs beside what it cannot do without: an analytics export of 200,000 posts.

Three ways in turn, three times each, on databases of their own on one server: the bare work, which is COPY of
the file into a temporary table and two inserts into tables with the same columns and indexes; the import; the
import of the same file again. The median seconds are printed, the time of both processors that Python and
the server took, and two ratios: the bare work to the import, the second import to the first.
"""

import csv
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import psutil
import sqlalchemy as sa

from replyloop_assets.postgres.server import Server
from replyloop_assets.postgres.throwaway import throwaway_server
from replyloop_assets.sources.importing import import_file
from replyloop_assets.sources.snowflake import EPOCH
from replyloop_assets.warehouse.engine import create_engine
from replyloop_assets.warehouse.migrations import migrate

ROUNDS = 3
POSTS = 200_000
ACCOUNTS = 3_000
HEADER = (
    "Post id,Date,Post text,Post Link,Impressions,Likes,Engagements,Bookmarks,Shares,New follows,"
    "Replies,Reposts,Profile visits,Detail Expands,URL Clicks,Hashtag Clicks,Permalink Clicks"
)
COUNTS = HEADER.lower().replace(" ", "_").split(",")[4:]
STAGE = "CREATE TEMP TABLE cells (post_id TEXT, day TEXT, text TEXT, link TEXT, {}) ON COMMIT DROP"
INSERTS = (
    """
    INSERT INTO content_metadata (
        decision_id, decision_type, content, target_username, target_username_source, tweet_id, status,
        posted_at
    )
    SELECT
        gen_random_uuid()::TEXT, 'reply', text, substring(text FROM '^@([A-Za-z0-9_]{1,15})'), 'text',
        post_id, 'posted', to_timestamp(((post_id::BIGINT >> 22) + 1288834974657) / 1000.0)
    FROM cells
    """,
    """
    INSERT INTO tweet_metrics (
        tweet_id, collected_at, source, impressions, likes, engagements, bookmarks, shares, followers_gained,
        replies, reposts, profile_clicks, detail_expands, url_clicks, hashtag_clicks, permalink_clicks
    )
    SELECT
        post_id, now(), 'export', impressions, likes, engagements, bookmarks, shares, new_follows, replies,
        reposts, profile_visits, detail_expands, url_clicks, hashtag_clicks, permalink_clicks
    FROM cells
    """,
)
BLOCK = 2**20


@dataclass(frozen=True)
class Cost:
    """Seconds by the clock, and of work: Python's and that of the database's connections."""

    clock: float
    work: float


def write_export(path: Path) -> None:
    """A made-up export: a post every few minutes over two years, most of them replies."""
    made = random.Random(0)
    newest = datetime.now(UTC) - timedelta(days=1)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        file.write(HEADER + "\r\n")
        for number in range(POSTS):
            posted = newest - timedelta(minutes=5.2 * number + made.random())
            post_id = (((posted - EPOCH) // timedelta(milliseconds=1)) << 22) + made.randrange(2**22)
            name = f"@author{made.randrange(ACCOUNTS)} " if made.random() < 0.9 else ""
            text = name + "what was said of sleep, food and muscles, " * made.randrange(1, 6) + str(number)
            views = int(made.lognormvariate(5, 1.5))
            rest = (int(views * share * made.random()) for share in (0.05, 0.1, 0.01, 0.01, 0.005))
            small = (made.randrange(3) for _ in range(7))
            link = f"https://x.com/someone/status/{post_id}"
            rows.writerow((post_id, f"{posted:%a, %b %d, %Y}", text, link, views, *rest, *small))


def do_bare_work(engine: sa.Engine, path: Path) -> None:
    """COPY and two inserts."""
    with engine.begin() as connection:
        counts = ", ".join(f"{name} BIGINT" for name in COUNTS)
        connection.exec_driver_sql(STAGE.format(counts))
        raw = connection.connection.driver_connection
        assert raw is not None
        statement = "COPY cells FROM STDIN (FORMAT csv, HEADER)"
        with path.open("rb") as file, raw.cursor() as cursor, cursor.copy(statement) as copy:
            while block := file.read(BLOCK):
                copy.write(block)
        for insert in INSERTS:
            connection.exec_driver_sql(insert)


def run_import(engine: sa.Engine, path: Path) -> None:
    """The import, which must load all."""
    summary = import_file(engine, path)
    assert summary.loaded + summary.unchanged == summary.read == POSTS, summary


def measure(work: Callable[[sa.Engine, Path], None], engine: sa.Engine, path: Path) -> Cost:
    """What one run costs; the connection is the pool's only one."""
    with engine.connect() as connection:
        backend = psutil.Process(connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one())
    processes = (psutil.Process(), backend)
    before = [sum(process.cpu_times()[:2]) for process in processes]
    began = time.perf_counter()
    work(engine, path)
    clock = time.perf_counter() - began
    return Cost(clock, sum(sum(process.cpu_times()[:2]) for process in processes) - sum(before))


def run_round(server: Server, path: Path, number: int) -> tuple[Cost, ...]:
    """The bare work, the import and the import again."""
    engines = [create_engine(server.url(f"{name}_{number}")) for name in ("bare", "whole")]
    with sa.create_engine(server.url("postgres").replace("://", "+psycopg://")).connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        for engine in engines:
            connection.exec_driver_sql(f"CREATE DATABASE {engine.url.database}")
    for engine in engines:
        migrate(engine)
    bare, whole = engines
    costs = (
        measure(do_bare_work, bare, path),
        measure(run_import, whole, path),
        measure(run_import, whole, path),
    )
    for engine in engines:
        engine.dispose()
    return costs


def main() -> None:
    """Run the rounds and print the table."""
    with throwaway_server() as server:
        path = server.home / "export.csv"
        write_export(path)
        rounds = [run_round(server, path, number) for number in range(ROUNDS)]
    print(f"{POSTS:,} posts, {ROUNDS} rounds; median seconds")
    print(f"{'':<32}{'clock':>8}{'work':>8}")
    for name, costs in zip(
        ("COPY and two inserts", "the import", "the import again"), zip(*rounds, strict=True), strict=True
    ):
        print(f"{name:<32}{median(c.clock for c in costs):8.2f}{median(c.work for c in costs):8.2f}")
    for name, above, below in (("bare work / import", 0, 1), ("import again / import", 2, 1)):
        clock = median(costs[above].clock / costs[below].clock for costs in rounds)
        work = median(costs[above].work / costs[below].work for costs in rounds)
        print(f"{name:<32}{clock:8.2f}{work:8.2f}")


if __name__ == "__main__":
    main()

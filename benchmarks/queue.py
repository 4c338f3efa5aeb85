"""What a claim costs with 1,000, 20,000 and 100,000 open posts: pgbench on a fresh server.

Posts of 5,000 authors, found over a day by ten searches: some 700 slots. The first claim fills the queue
and is shown apart. Then one client claims, then eight. With `--against PATH` the same is done with the
functions of another checkout of the project, in turn, and how many times as fast a claim is.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.decisions import LEARNT, print_head, print_row, run
from replyloop_assets.postgres.server import Server
from replyloop_assets.postgres.throwaway import throwaway_server
from replyloop_assets.warehouse.engine import create_engine
from replyloop_assets.warehouse.queries import run_script

HERE = Path(__file__).parents[1]
SIZES = (1_000, 20_000, 100_000)
CLIENTS = (1, 8)
CLAIM = "SELECT tweet_id FROM claim_next(1);\n"
# found evenly over the last day, and recorded when it was found
POSTS = """
    INSERT INTO strategy_allocation (strategy_name, strategy_type, probability, as_of)
    SELECT 'search ' || i, 'search_query', 0.125, now() FROM generate_series(1, 8) AS i;
    INSERT INTO discovered_accounts (username, follower_count, avg_followers_per_reply)
    SELECT 'author' || i, 1000 * i, i % 20 FROM generate_series(1, 5000) AS i;
    INSERT INTO reply_opportunities (
        tweet_id, target_username, like_count, reply_count, tweet_posted_at, discovered_at, recorded_at,
        tweet_text, search_query
    )
    SELECT
        i::TEXT, 'author' || (i % 5000 + 1), 500 + i::BIGINT * 7919 % 150000, i % 700,
        found.at - INTERVAL '20 minutes', found.at, found.at, repeat('A post of average length, ', 8),
        'search ' || i % 10
    FROM generate_series(1, {posts}) AS i
    CROSS JOIN LATERAL (SELECT now() - (i * 0.618 % 1) * INTERVAL '23 hours' AS at) AS found;
    ANALYZE;
"""


MIGRATE = """
import sys
from replyloop_assets.warehouse.engine import create_engine
from replyloop_assets.warehouse.migrations import migrate
migrate(create_engine(sys.argv[1]))
"""


def main() -> None:
    """Measure each size, and what is to be held against it in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, metavar="PATH", help="another checkout of the project")
    against = parser.parse_args().against
    checkouts = {"": HERE} | ({f", {against.name}": against} if against else {})
    with throwaway_server() as server:
        print_head()
        for posts in SIZES:
            medians = [measure(server, posts, name, path) for name, path in checkouts.items()]
            if against:
                print(f"{posts:,} posts: {medians[1] / medians[0]:.0f} times as fast")


def measure(server: Server, posts: int, name: str, checkout: Path) -> float:
    """Claims from a database that a checkout has made; the median latency of one client in milliseconds."""
    database = f"posts_{posts}{'_before' if name else ''}"
    maintenance = create_engine(server.url("postgres")).execution_options(isolation_level="AUTOCOMMIT")
    with maintenance.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {database}")
    maintenance.dispose()
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    command = [sys.executable, "-c", MIGRATE, server.url(database)]
    subprocess.run(command, cwd=checkout, env=environment, check=True)
    engine = create_engine(server.url(database))
    with engine.begin() as connection:
        run_script(connection, LEARNT + POSTS.format(posts=posts))
    began = time.perf_counter()
    with engine.begin() as connection:
        connection.exec_driver_sql(CLAIM)
    print(f"{posts:,} posts{name}: the first claim took {1000 * (time.perf_counter() - began):,.0f} ms")
    engine.dispose()
    runs = {clients: run(server, CLAIM, clients, database) for clients in CLIENTS}
    for clients, measured in runs.items():
        print_row(f"claim_next, {posts:,} posts{name}", clients, measured)
    return runs[CLIENTS[0]].p50


if __name__ == "__main__":
    main()

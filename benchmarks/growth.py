"""What one window costs as a bot grows: by days of history, by replies a day, by accounts.

The window is the last closed day, filled stage by stage on facts that SQL made (`made_facts`), three times on
each size in turn, after a first time that is not counted. The median CPU time of Python and PostgreSQL
together is printed in milliseconds, with its ratio to the first size of each curve. Before the curves: what
two stages cost beside bare statements (`bare_statements`). Arguments choose curves by number, from 0.
"""

import sys
import time
from datetime import date, timedelta
from statistics import median

import psutil
import sqlalchemy as sa

from benchmarks.bare_statements import compare
from benchmarks.made_facts import Size, make_facts
from replyloop_assets.assets import STAGES, daily_rollup, reply_outcomes
from replyloop_assets.assets.stage import Runtime
from replyloop_assets.partitions import Window, day_start, days_between
from replyloop_assets.postgres.server import Server
from replyloop_assets.postgres.throwaway import throwaway_server
from replyloop_assets.settings import load_settings
from replyloop_assets.warehouse.engine import create_engine
from replyloop_assets.warehouse.migrations import migrate

ROUNDS = 3
LAST_DAY = date(2026, 6, 30)
NOW = day_start(LAST_DAY + timedelta(days=1)) + timedelta(hours=6)
CURVES = {
    "days of history, 50 replies a day": [Size(days=days) for days in (90, 365, 730)],
    "replies a day to three times as many accounts": [
        Size(replies=replies, accounts=3 * replies) for replies in (50, 500, 5000)
    ],
    "accounts, 500 replies a day": [Size(replies=500, accounts=accounts) for accounts in (150, 1500, 15000)],
}


class Measured:
    """A database of one size, with the days before its last filled as far as a window reads them."""

    def __init__(self, server: Server, size: Size) -> None:
        self.size = size
        name = f"days_{size.days}_replies_{size.replies}_accounts_{size.accounts}"
        self.engine = create_engine(server.url(name))
        with (
            create_engine(server.url("postgres"))
            .execution_options(isolation_level="AUTOCOMMIT")
            .connect() as one
        ):
            one.exec_driver_sql(f"CREATE DATABASE {name}")
        migrate(self.engine)
        make_facts(self.engine, size, LAST_DAY)
        self.runtime = Runtime(self.engine, load_settings(), now=lambda: NOW)
        before = days_between(LAST_DAY - timedelta(days=size.days - 1), LAST_DAY - timedelta(days=1))
        windows = [Window.at(day, NOW) for day in before]
        with self.engine.begin() as connection:
            for window in windows:
                reply_outcomes.keep_decisions(connection, window)
        for _ in daily_rollup.STAGE.fill_days(self.runtime, windows):
            pass
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
        self.times: dict[str, list[float]] = {stage.name: [] for stage in STAGES}

    def fill(self) -> None:
        """Fill the last closed day, and keep what each stage took."""
        for stage in STAGES:
            began = cpu_time(self.engine)
            stage.fill(self.runtime, Window.at(LAST_DAY, NOW))
            self.times[stage.name].append(1000 * (cpu_time(self.engine) - began))

    def stage(self, name: str) -> float:
        """The median of one stage, without the first time."""
        return median(self.times[name][1:])

    def window(self) -> float:
        """The median of the whole window."""
        return median([sum(turn) for turn in zip(*self.times.values(), strict=True)][1:])


def cpu_time(engine: sa.Engine) -> float:
    """Seconds of CPU that this process and its connections' servers have used."""
    with engine.connect() as connection:
        query = """
            SELECT pid FROM pg_stat_activity
            WHERE datname = current_database() AND backend_type = 'client backend'
        """
        pids = connection.exec_driver_sql(query).scalars().all()
    servers = (psutil.Process(pid).cpu_times() for pid in pids)
    return time.process_time() + sum(times.user + times.system for times in servers)


def draw(title: str) -> None:
    """Measure one curve and print it: its windows, and then its stages."""
    with throwaway_server() as server:
        sizes = [Measured(server, size) for size in CURVES[title]]
        for _ in range(1 + ROUNDS):
            for one in sizes:
                one.fill()
        print(f"\n{title}; cpu-ms of a window")
        for one in sizes:
            ratio = one.window() / sizes[0].window()
            print(f"{one.size!s:<50}{one.window():9.0f}{ratio:8.2f}")
        for stage in STAGES:
            row = "".join(f"{one.stage(stage.name):9.0f}" for one in sizes)
            print(f"  {stage.name:<40}{row}")
        for one in sizes:
            one.engine.dispose()


def main() -> None:
    """Print the bare statements and the curves, or the curves alone whose numbers are given."""
    numbers = [int(number) for number in sys.argv[1:]]
    if not numbers:
        with throwaway_server() as server:
            measured = Measured(server, Size(replies=500, accounts=1500))
            compare(measured.engine, Window.at(LAST_DAY, NOW), cpu_time, ROUNDS)
            measured.engine.dispose()
    for number in numbers or range(len(CURVES)):
        draw(list(CURVES)[number])


if __name__ == "__main__":
    main()

"""What stays the same however long the past is: the status, the sensor of late facts, the 6-hourly refresh.

Two databases differ only in how many replies lie before the recent days (`made_history`). In each in turn,
`ROUNDS` times after a first that is not counted: what `replyloop status` reads, one tick of the sensor whose
cursor was lost, and one turn of the chain over the days not closed. The median CPU time of Python and
PostgreSQL together is printed in milliseconds, with the ratio of the last database to the first. Arguments
are other numbers of replies.
"""

import sys
from collections.abc import Callable
from statistics import median

from benchmarks.growth import LAST_DAY, NOW, ROUNDS, cpu_time
from benchmarks.made_history import make_history
from replyloop_assets.assets import REACH, STAGES
from replyloop_assets.assets.stage import Runtime
from replyloop_assets.automation.sensors import EVER
from replyloop_assets.automation.staleness import find_stale
from replyloop_assets.operator.doctor import worst
from replyloop_assets.postgres.server import Server
from replyloop_assets.postgres.throwaway import throwaway_server
from replyloop_assets.reporting.status import read_status
from replyloop_assets.settings import load_settings
from replyloop_assets.simulation.life import STAGES_OF, turn
from replyloop_assets.warehouse.engine import create_engine
from replyloop_assets.warehouse.migrations import migrate
from replyloop_assets.warehouse.open_days import reopen_late_days

REPLIES = (100_000, 2_000_000)


def status(runtime: Runtime) -> None:
    """What `replyloop status` reads."""
    stale = find_stale(runtime.engine, NOW, runtime.settings.features)
    names = [stage.name for stage in STAGES]
    read_status(runtime.engine, runtime.settings, names, [str(one) for one in stale], NOW)
    worst(runtime.engine, runtime.settings, NOW)


def tick(runtime: Runtime) -> None:
    """The sensor with an empty cursor."""
    reopen_late_days(runtime.engine, EVER, REACH, runtime.settings.horizon, runtime.settings.grace)


def refresh(runtime: Runtime) -> None:
    """The chain over the days that are not closed."""
    turn(STAGES_OF["chain"], runtime.engine, runtime.settings, NOW)


WORKS: dict[str, Callable[[Runtime], None]] = {
    "status": status,
    "a tick with an empty cursor": tick,
    "6-hourly refresh": refresh,
}


def build(server: Server, replies: int) -> Runtime:
    """A database with a past of so many replies."""
    name = f"past_{replies}"
    maintenance = create_engine(server.url("postgres")).execution_options(isolation_level="AUTOCOMMIT")
    with maintenance.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    maintenance.dispose()
    runtime = Runtime(create_engine(server.url(name)), load_settings(), now=lambda: NOW)
    migrate(runtime.engine)
    make_history(runtime.engine, replies, LAST_DAY, runtime)
    return runtime


def main() -> None:
    """Print each work's milliseconds by length of the past, and their ratio."""
    numbers = [int(number) for number in sys.argv[1:]] or REPLIES
    with throwaway_server() as server:
        runtimes = [build(server, number) for number in numbers]
        print("cpu-ms by replies in the past" + "".join(f"{number:14,}" for number in numbers) + "   ratio")
        for name, work in WORKS.items():
            times: list[list[float]] = [[] for _ in runtimes]
            for _ in range(1 + ROUNDS):
                for runtime, taken in zip(runtimes, times, strict=True):
                    began = cpu_time(runtime.engine)
                    work(runtime)
                    taken.append(1000 * (cpu_time(runtime.engine) - began))
            medians = [median(taken[1:]) for taken in times]
            row = "".join(f"{one:14.0f}" for one in medians)
            print(f"{name:<29}{row}{medians[-1] / medians[0]:8.2f}")
        for runtime in runtimes:
            runtime.engine.dispose()


if __name__ == "__main__":
    main()

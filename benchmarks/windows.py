"""What the chain costs over a range: a year of windows in one command, beside one Dagster run per window.

Made-up facts of 50 replies a day (`made_facts`) are filled by `replyloop materialize`, each on a database
of its own: all windows at once, and single days out of the middle. `--against PATH` has another checkout fill
the same facts, in turn. Medians of the rounds: seconds, the most memory of the process, and ratios.

    python -m benchmarks.windows [--days 365] [--rounds 3] [--against PATH]
"""

import argparse
import os
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from benchmarks.made_facts import Size, make_facts
from replyloop_assets.postgres.server import Server
from replyloop_assets.postgres.throwaway import throwaway_server
from replyloop_assets.warehouse.engine import create_engine

HERE = Path(__file__).parents[1]
RUN = "from replyloop_assets.cli.main import main; main()"
YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)
SINGLE = 5  # days filled one by one, out of the middle


@dataclass(frozen=True)
class Used:
    """What a command took: seconds, and MiB at most."""

    seconds: float
    memory: float


def command(tree: Path, url: str, home: Path, *words: str) -> Used:
    """Run a command of a checkout on a database."""
    environment = os.environ | {
        "PYTHONPATH": str(tree),
        "PYTHONSAFEPATH": "1",  # else the folder that this runs in comes first
        "REPLYLOOP_DATABASE_URL": url,
        "REPLYLOOP_HOME": str(home),
        "REPLYLOOP_HISTORY_START": str(YESTERDAY - timedelta(days=2000)),
    }
    began = time.perf_counter()
    process = os.posix_spawn(
        sys.executable,
        [sys.executable, "-c", RUN, *words],
        environment,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, used = os.wait4(process, 0)
    if status != 0:
        raise SystemExit(f"replyloop {' '.join(words)} failed in {tree}.")
    return Used(time.perf_counter() - began, used.ru_maxrss / 1024)


def over_range(tree: Path, server: Server, name: str, days: int) -> tuple[Used, list[Used]]:
    """A new database filled as a whole, and then single closed days of it, each by a command of its own."""
    url, home = server.url(name), server.home / name
    command(tree, url, home, "db", "migrate")
    engine = create_engine(url)
    make_facts(engine, Size(days=days), YESTERDAY, matured=False)
    engine.dispose()
    first = YESTERDAY - timedelta(days=days - 1)
    whole = command(tree, url, home, "materialize", "--from", str(first), "--to", str(YESTERDAY))
    middle = [str(first + timedelta(days=days // 2 + n)) for n in range(SINGLE)]
    return whole, [command(tree, url, home, "materialize", "--from", day, "--to", day) for day in middle]


def main() -> None:
    """Run the rounds in turn and print the ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--against", type=Path, help="another checkout of the project")
    asked = parser.parse_args()
    trees = {"this": HERE} | ({"other": asked.against.resolve()} if asked.against else {})
    found: dict[str, list[tuple[Used, list[Used]]]] = {name: [] for name in trees}
    with throwaway_server() as server:
        for turn in range(asked.rounds):
            for name, tree in trees.items():
                found[name].append(over_range(tree, server, f"{name}_{turn}", asked.days))
    whole = {name: median(one.seconds for one, _ in rounds) for name, rounds in found.items()}
    print(f"{asked.days} windows of the whole chain, 50 replies a day, {asked.rounds} rounds")
    print(f"{'':<8}{'all, s':>10}{'ms each':>10}{'one, s':>10}{'ratio':>8}{'MiB':>8}")
    for name, rounds in found.items():
        single = median(one.seconds for _, days in rounds for one in days)
        memory = median(one.memory for one, _ in rounds)
        each, ratio = 1000 * whole[name] / asked.days, asked.days * single / whole[name]
        print(f"{name:<8}{whole[name]:>10.1f}{each:>10.1f}{single:>10.2f}{ratio:>8.1f}{memory:>8.0f}")
    if asked.against:
        print(f"all windows, the other checkout to this: {whole['other'] / whole['this']:.2f}")


if __name__ == "__main__":
    main()

"""What it takes to start: the help, the graph's definitions, an idle `up`, and the demo's first words.

Each in a process of its own, as a person starts it. `--help` stands beside a Python that does nothing, the
code location beside an empty project on dagster-postgres, each in turn; cpu is user and system. An idle `up`
is measured whole, with its PostgreSQL, from half a minute after it answers. With `--against PATH` another
checkout is measured beside this one. Byte code is cached, as where replyloop is installed.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psutil

from replyloop_assets.automation.serving import listens
from replyloop_assets.postgres.throwaway import throwaway_server
from replyloop_assets.warehouse.databases import ensure_database
from replyloop_assets_tests.commands import Shell, new_shell, processes_of

HERE = Path(__file__).parents[1]
ROUNDS = 5
SETTLED_S, IDLE_S = 30, 120
REPLYLOOP = ("-c", "from replyloop_assets.cli.main import main; main()")
INSTANCE = """
storage:
  postgres:
    postgres_url: {url}
telemetry:
  enabled: false
"""
MIB = 2**20
Cost = tuple[float, float]  # seconds, cpu seconds


def start(tree: Path, words: Sequence[object], **variables: str) -> subprocess.Popen[str]:
    """A Python process that finds the project in that checkout."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.Popen(
        [sys.executable, *map(str, words)],
        env=clean | {"PYTHONPATH": str(tree)} | variables,
        cwd=variables.get("DAGSTER_HOME", "/"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def to_its_end(tree: Path, *words: str) -> Cost:
    """What a process takes that ends by itself."""
    before, began = os.times(), time.perf_counter()
    start(tree, words).communicate()
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - began, cpu


def until_loaded(tree: Path, module: str, home: Path) -> Cost:
    """What a code server takes until it serves the definitions of a module."""
    place = home / "code"
    place.unlink(missing_ok=True)
    began = time.perf_counter()
    words = ("-m", "dagster", "api", "grpc", "--socket", place, "-m", module, "--location-name", "x")
    process = start(tree, [*words, "--inject-env-vars-from-instance"], DAGSTER_HOME=str(home))
    while not listens(place):
        if process.poll() is not None:
            raise SystemExit(f"{module} of {tree} does not load.")
        time.sleep(0.005)
    seconds, spent = time.perf_counter() - began, psutil.Process(process.pid).cpu_times()
    process.kill()
    process.communicate()
    return seconds, spent.user + spent.system


def in_turn(rows: dict[str, tuple[object, ...]], measure: object, rounds: int = ROUNDS) -> None:
    """Measure each in turn, once to warm up, and print the medians, the first of them being 1."""
    costs: dict[str, list[Cost]] = {name: [] for name in rows}
    for turn in range(rounds + 1):
        for name, arguments in rows.items():
            cost = measure(*arguments)  # type: ignore[operator]
            if turn:
                costs[name].append(cost)
    first = [median(part) for part in zip(*next(iter(costs.values())), strict=True)]
    for name, found in costs.items():
        seconds, cpu = (median(part) for part in zip(*found, strict=True))
        print(f"  {name:<44}{seconds:8.2f} s {seconds / first[0]:6.2f}{cpu:8.2f} cpu-s {cpu / first[1]:6.2f}")


def load_locations(trees: dict[str, Path]) -> None:
    """The code location beside an empty project, both with an instance on PostgreSQL."""
    with throwaway_server() as server:
        url = server.url("dagster").replace("://", "+psycopg2://")
        ensure_database(url)
        home = server.home / "dagster"
        home.mkdir()
        (home / "dagster.yaml").write_text(INSTANCE.format(url=f'"{url}"'))
        (home / "empty_project.py").write_text("import dagster as dg\n\ndefs = dg.Definitions()\n")
        rows = {"an empty project": (HERE, "empty_project", home)} | {
            f"code location {name}": (tree, "replyloop_assets.definitions", home)
            for name, tree in trees.items()
        }
        in_turn(rows, until_loaded)


@contextmanager
def command(tree: Path, *words: object) -> Iterator[tuple[subprocess.Popen[str], Shell]]:
    """A running `replyloop` in a home of its own."""
    with new_shell() as shell:
        process = start(tree, [*REPLYLOOP, *words], REPLYLOOP_HOME=str(shell.home))
        try:
            yield process, shell
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate()


def seconds_until(process: subprocess.Popen[str], word: str) -> float:
    """When the command says it first."""
    began = time.perf_counter()
    assert process.stdout is not None
    next(line for line in process.stdout if word in line)
    return time.perf_counter() - began


def idle(name: str, tree: Path) -> None:
    """An `up` that has nothing to do: its memory, shared pages shared out, and its part of a core."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with command(tree, "up", "--port", port) as (process, shell):
        came = seconds_until(process, "The lineage: ")
        time.sleep(SETTLED_S)
        before, ids = used(shell)
        time.sleep(IDLE_S)
        after, later = used(shell)
        memory = [one.memory_full_info() for one in processes_of(shell.home)]
        pss, rss = (sum(getattr(one, kind) for one in memory) / MIB for kind in ("pss", "rss"))
    print(
        f"  {f'up {name}':<44}{came:8.1f} s until it serves; idle {pss:.0f} MiB (resident {rss:.0f}), "
        f"{100 * (after - before) / IDLE_S:.1f}% of a core, {len(later - ids)} new processes"
    )


def used(shell: Shell) -> tuple[float, set[int]]:
    """Processor seconds of all processes of a home and of their children that have ended; their ids."""
    processes = processes_of(shell.home)
    return sum(sum(one.cpu_times()[:4]) for one in processes), {one.pid for one in processes}


def demo(name: str, tree: Path) -> None:
    """The demo, until it first says what is believed of anything."""
    with command(tree, "demo", "--no-serve") as (process, _):
        came = seconds_until(process, "believed")
    print(f"  {f'demo {name}':<44}{came:8.1f} s until it tells what it has learnt")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--against", type=Path, metavar="PATH", help="another checkout, measured beside")
    other = parser.parse_args().against
    trees = {"here": HERE} | ({str(other): other.resolve()} if other else {})
    print(f"median of {ROUNDS}, and its ratio to the first line")
    in_turn(
        {"python -c pass": (HERE, "-c", "pass")}
        | {f"replyloop --help {name}": (tree, *REPLYLOOP, "--help") for name, tree in trees.items()},
        to_its_end,
    )
    load_locations(trees)
    for measure in (idle, demo):
        for name, tree in trees.items():
            measure(name, tree)


if __name__ == "__main__":
    main()

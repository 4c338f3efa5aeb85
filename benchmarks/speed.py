"""Every bench of speed in turn, and the page of what they found: docs/speed.md.

Each prints its table as it goes, ratios side by side in one run. The page has them with the machine, the
versions and the date. `--against PATH` holds another checkout beside this one where a bench can. Run it on a
machine that does nothing else: `make bench`.

    python -m benchmarks.speed [--against PATH] [BENCH …]
"""

import argparse
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import psutil

from replyloop_assets.postgres.throwaway import throwaway_server

PAGE = Path(__file__).parents[1] / "docs" / "speed.md"
BENCHES = ("starting", "windows", "growth", "history", "imports", "queue", "decisions")
COMPARING = ("starting", "windows", "queue")  # take --against
PACKAGES = ("dagster", "sqlalchemy", "pandas", "numpy", "scipy")


def machine() -> str:
    """What it ran on, in a line."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}"


def versions() -> str:
    """Of Python, PostgreSQL and the packages that most of the time goes by."""
    with throwaway_server() as server:
        command = [str(server.bin("postgres")), "--version"]
        postgres = subprocess.run(command, capture_output=True, text=True).stdout.split()[-1]
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"Python {platform.python_version()}, PostgreSQL {postgres}, {packages}"


def run(name: str, against: Path | None) -> str:
    """One bench; what it printed, shown as it comes."""
    words = [sys.executable, "-m", f"benchmarks.{name}"]
    if against and name in COMPARING:
        words += ["--against", str(against)]
    printed = []
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            print(line, end="", flush=True)
            printed.append(line)
    if process.returncode != 0:
        raise SystemExit(f"benchmarks.{name} failed.")
    return "".join(printed).strip("\n")


def main() -> None:
    """Run them and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("benches", nargs="*", metavar="BENCH", help=", ".join(BENCHES))
    parser.add_argument("--against", type=Path, help="another checkout of the project")
    asked = parser.parse_args()
    command = " ".join(["python -m benchmarks.speed", *asked.benches])
    parts = [
        "# How fast it is\n",
        f"Written by `{command}` on {datetime.now(UTC):%Y-%m-%d}: {machine()}; {versions()}.\n",
        "What each table shows stands above it, and at the head of its bench in `benchmarks/`.\n",
    ]
    for name in asked.benches or BENCHES:
        head = str(import_module(f"benchmarks.{name}").__doc__).strip().split("\n    python")[0].strip()
        parts += [f"## {name}\n", f"{head}\n", f"```\n{run(name, asked.against)}\n```\n"]
    PAGE.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()

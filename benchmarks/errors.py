"""Error analysis on labelled errors: seconds for 100,000 events, and how rightly they are put together.

The events of two weeks, in shapes as real programs print them, are written to a database of a private
server and analysed by the stage itself. Over all pairs of events, precision is the part of those put
together that are alike, recall the part of those alike that are put together; a shape is exact where its
group holds all of its events and no other. `held_out` are shapes that nothing was tuned on.
"""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from replyloop_assets.assets import error_analysis
from replyloop_assets.assets.stage import Runtime
from replyloop_assets.learning.incidents.grouping import fingerprints
from replyloop_assets.partitions import Window
from replyloop_assets.postgres.server import Server
from replyloop_assets.postgres.throwaway import throwaway_server
from replyloop_assets.settings import load_settings
from replyloop_assets.warehouse.engine import copy_rows, create_engine
from replyloop_assets.warehouse.migrations import migrate
from replyloop_assets_tests.learning.incidents.labelled import agreement, draw_errors, templates

NOW = datetime(2026, 3, 21, tzinfo=UTC)
SPAN = timedelta(days=14)
COUNTS = {"templates": 100_000, "held_out": 20_000}
SEEDS = (1, 2, 3)


def load(engine: sa.Engine, messages: Sequence[str]) -> None:
    """The messages as error events, evenly over the two weeks before now."""
    step = SPAN / len(messages)
    rows = (
        ("bot_error", json.dumps({"component": "bot", "message": text}), "error", NOW - SPAN + n * step)
        for n, text in enumerate(messages)
    )
    with engine.begin() as connection:
        copy_rows(connection, "system_events", ["event_type", "event_data", "severity", "created_at"], rows)
        connection.exec_driver_sql("ANALYZE system_events")


def analyse(engine: sa.Engine) -> tuple[float, int]:
    """The real stage on the closed day; seconds, and the rows it wrote."""
    window = Window.at((NOW - timedelta(days=1)).date(), NOW)
    began = time.perf_counter()
    filled = error_analysis.STAGE.fill(Runtime(engine, load_settings(), now=lambda: NOW), window)
    assert filled
    return time.perf_counter() - began, filled.rows


def exact(truth: Sequence[int], found: Sequence[object]) -> int:
    """How many shapes have a group to themselves, whole."""
    groups, shapes = defaultdict(set), defaultdict(set)
    for shape, group in zip(truth, found, strict=True):
        groups[shape].add(group)
        shapes[group].add(shape)
    return sum(len(of) == 1 and len(shapes[next(iter(of))]) == 1 for of in groups.values())


def main() -> None:
    """Run both sets of shapes with each seed and print the table."""
    print(
        f"{'':<12}{'seed':>6}{'events':>9}{'shapes':>8}{'groups':>8}{'exact':>7}"
        f"{'precision':>11}{'recall':>9}{'seconds':>9}"
    )
    with throwaway_server() as server:
        for name, count in COUNTS.items():
            for seed in SEEDS:
                measure(server, name, count, seed)


def measure(server: Server, name: str, count: int, seed: int) -> None:
    """One round on a database of its own; prints its line."""
    with (
        create_engine(server.url("postgres"))
        .execution_options(isolation_level="AUTOCOMMIT")
        .connect() as maintenance
    ):
        maintenance.exec_driver_sql(f"CREATE DATABASE {name}_{seed}")
    engine = create_engine(server.url(f"{name}_{seed}"))
    migrate(engine)
    shapes = templates(name)
    events = draw_errors(shapes, count, seed)
    truth = [shape for shape, _ in events]
    load(engine, [text for _, text in events])
    seconds, rows = analyse(engine)
    keys = fingerprints(Counter((None, text) for _, text in events), load_settings().errors)
    found = [keys[None, text] for _, text in events]
    assert rows == len(set(found))
    precision, recall = agreement(truth, found)
    print(
        f"{name:<12}{seed:>6}{count:>9}{len(shapes):>8}{rows:>8}{exact(truth, found):>7}"
        f"{precision:>11.4f}{recall:>9.4f}{seconds:>9.1f}"
    )
    engine.dispose()


if __name__ == "__main__":
    main()

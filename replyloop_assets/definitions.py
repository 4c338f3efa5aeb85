"""The composition root: the one file that wires stages, automation and the outside into a graph."""

from collections.abc import Iterator

import dagster as dg

from replyloop_assets import clock
from replyloop_assets.assets import ASSETS
from replyloop_assets.assets.stage import Runtime
from replyloop_assets.automation.schedules import SCHEDULES
from replyloop_assets.automation.sensors import SENSORS
from replyloop_assets.settings import load_settings
from replyloop_assets.warehouse.engine import create_engine


@dg.resource(description="The data's database, the settings, and the clock.")
def runtime(_: dg.InitResourceContext) -> Iterator[Runtime]:
    """One engine for the life of a run."""
    # with servers and migrations, which the graph's description does without
    from replyloop_assets.warehouse.databases import Databases

    settings = load_settings()
    engine = create_engine(Databases.from_settings(settings).data)
    try:
        now = clock.now()  # one instant for the whole run: midnight may pass while it goes on
        yield Runtime(engine, settings, now=lambda: now)
    finally:
        engine.dispose()


defs = dg.Definitions(
    assets=ASSETS,
    schedules=SCHEDULES,
    sensors=SENSORS,
    resources={"runtime": runtime},
    executor=dg.in_process_executor,
)

"""`replyloop doctor`: what is wrong with the database, before migrating and at any time."""

from contextlib import nullcontext
from dataclasses import asdict

import typer
from rich.console import Console
from rich.text import Text

from replyloop_assets.cli.db import Json
from replyloop_assets.cli.workplace import write_json

STYLES = {"well": "green", "note": "cyan", "warning": "yellow", "fault": "red"}
CODES = {"well": 0, "note": 0, "warning": 3, "fault": 4}


def doctor(as_json: Json = False) -> None:
    """What the loop finds in your bot's database, what of it it cannot use and why, and what that costs.

    To a database of yours it writes nothing, and may be run before `replyloop db migrate`. It ends with 0
    where all is well, with 3 where something is lost, with 4 where nothing works.
    """
    from replyloop_assets import clock
    from replyloop_assets.operator.doctor import examine
    from replyloop_assets.settings import load_settings
    from replyloop_assets.text import plain
    from replyloop_assets.warehouse.databases import Databases
    from replyloop_assets.warehouse.engine import check_reachable, create_engine

    settings = load_settings()
    databases = Databases.from_settings(settings)
    # our own server is brought to its state by every command; another's is only looked at
    with databases.running() if databases.server else nullcontext():
        engine = create_engine(databases.data)
        try:
            check_reachable(engine)
            findings = examine(engine, settings, clock.now(), settings.home if databases.server else None)
        finally:
            engine.dispose()
    if as_json:
        write_json({"findings": [asdict(one) for one in findings]})
    else:
        console = Console(highlight=False, soft_wrap=True)
        for one in findings:
            advice = f" → {one.advice}" if one.advice else ""
            told = plain(f"{one.subject}: {one.what}{advice}", None)
            console.print(Text.assemble((f"{one.gravity:8}", STYLES[one.gravity]), told))
    raise typer.Exit(max((CODES[one.gravity] for one in findings), default=0))

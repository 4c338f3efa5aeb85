"""The demo: a bot and the loop live until yesterday in a world that changes two thirds through."""

import json
from collections.abc import Callable
from datetime import date, timedelta

import sqlalchemy as sa

from replyloop_assets.assets import STAGES
from replyloop_assets.partitions import day_start
from replyloop_assets.reporting.progress import describe_progress, render_first_look
from replyloop_assets.reporting.status import console_or_file, read_status
from replyloop_assets.settings import Settings
from replyloop_assets.simulation.life import Play, play_life
from replyloop_assets.simulation.world import load_world

WORLD = "drop"
SEED = 7
PLAYED = "demo_played"
LOOK_EVERY = 7  # days


def played_before(engine: sa.Engine, play: Play) -> bool:
    """Whether just this life is in the database, whole."""
    query = """
        SELECT count(*) FROM events
        WHERE event_type = :played AND event_data = CAST(:what AS JSONB)
    """
    with engine.connect() as connection:
        return bool(connection.execute(sa.text(query), {"played": PLAYED, "what": mark(play)}).scalar_one())


def holds_facts(engine: sa.Engine) -> bool:
    """Whether there is anything in the database: another life, or a part of one."""
    with engine.connect() as connection:
        return bool(connection.execute(sa.text("SELECT count(*) FROM found_posts")).scalar_one())


def demo_life(today: date, days: int, per_day: int) -> Play:
    """The life that ended last midnight."""
    return Play(load_world(WORLD), today - timedelta(days=days), days, per_day, SEED)


def play_demo(
    engine: sa.Engine,
    settings: Settings,
    play: Play,
    on_day: Callable[[int, int], None],
    say: Callable[[str], None],
) -> None:
    """Live it in an empty database, and say every week what has been learnt."""
    settings = settings.model_copy(update={"history_start": min(settings.history_start, play.first_day)})

    def end_day(place: int) -> None:
        day = place + 1
        on_day(day, play.days)
        if day % LOOK_EVERY == 0 and day < play.days:
            say(look(engine, settings, play, day))

    play_life(play, engine, settings, end_day)
    statement = "INSERT INTO events (event_type, event_data) VALUES (:played, CAST(:what AS JSONB))"
    with engine.begin() as connection:
        connection.execute(sa.text(statement), {"played": PLAYED, "what": mark(play)})


def look(engine: sa.Engine, settings: Settings, play: Play, day: int) -> str:
    """What the loop knows at the end of this day of the life: the first time a table, then a sentence."""
    now = day_start(play.first_day + timedelta(days=day))
    status = read_status(engine, settings, [stage.name for stage in STAGES], [], now)
    shown = render_first_look if day == LOOK_EVERY else describe_progress
    console = console_or_file()
    with console.capture() as said:
        console.print(shown(status, day, day > play.habit_days))
    return said.get().rstrip()


def mark(play: Play) -> str:
    """What tells lives apart."""
    return json.dumps({"first_day": str(play.first_day), "days": play.days, "per_day": play.per_day})

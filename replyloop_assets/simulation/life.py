"""A life in a world: the bot hour by hour, the loop at its cadences, and the score nobody else sees.

The loop turns through the stage functions that the assets call, at the simulated instant. Its ten-minute
turns of the facts are left out: what they write the next turn of the chain writes again, and the bot reads
nothing of it in between. So is the analysis of errors, which happen when they are told, in no simulated time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import numpy as np
import psycopg
import sqlalchemy as sa

from replyloop_assets.assets import REACH
from replyloop_assets.assets.pivots import move_pivot
from replyloop_assets.assets.stage import Runtime, Stage
from replyloop_assets.automation.pivoting import REACTING
from replyloop_assets.automation.schedules import CADENCES, open_range, switched_on
from replyloop_assets.client import Loop
from replyloop_assets.learning.health.pivoting import Move
from replyloop_assets.learning.lazily import pd
from replyloop_assets.partitions import Window, days_between, today
from replyloop_assets.settings import Settings
from replyloop_assets.simulation.audience import Audience
from replyloop_assets.simulation.bot import Bot
from replyloop_assets.simulation.platform import Platform
from replyloop_assets.simulation.truth import Truth
from replyloop_assets.simulation.world import Trial, World
from replyloop_assets.warehouse.open_days import reopen_late_days

STAGES_OF = {cadence.name: cadence.stages for cadence in CADENCES}
CHAIN_EVERY_HOURS = 6
EXPERIMENTS_AT = timedelta(minutes=20)
SENSED_AFTER = timedelta(minutes=1)  # as often as the sensor looks
EVER = datetime(1970, 1, 1, tzinfo=UTC)

CREATE = sa.text("""
    INSERT INTO experiments (
        id, experiment_name, hypothesis, dimension, control_strategy, treatment_strategy,
        control_allocation_pct, treatment_allocation_pct, started_at, created_at
    )
    VALUES (
        :id, :name, :hypothesis, :dimension, :control, :treatment, 100 - :percent, :percent, :at, :at
    )
""")

# days are counted from the first one
SHARES = """
    SELECT day - cast(:first_day AS DATE) AS day, value AS generator, probability
    FROM strategy_allocation_history
    WHERE dimension = 'generator' AND day >= :first_day
    ORDER BY day, value
"""
EXPERIMENTS = """
    SELECT
        experiment_name, dimension, control_strategy, treatment_strategy, status, decision,
        cast(started_at AT TIME ZONE 'UTC' AS DATE) - cast(:first_day AS DATE) AS started,
        cast(completed_at AT TIME ZONE 'UTC' AS DATE) - cast(:first_day AS DATE) AS ended
    FROM experiments
    WHERE status <> 'suggested'
    ORDER BY started_at, experiment_name
"""
PIVOTS = """
    SELECT
        cast(opened_at AT TIME ZONE 'UTC' AS DATE) - cast(:first_day AS DATE) AS opened,
        cast(closed_at AT TIME ZONE 'UTC' AS DATE) - cast(:first_day AS DATE) AS closed
    FROM pivots
    ORDER BY opened_at
"""
HEALTH = """
    SELECT day - cast(:first_day AS DATE) AS day, status
    FROM health_status
    WHERE day >= :first_day
    ORDER BY day
"""
NOTICED_WITHIN_DAYS = 30


@dataclass(frozen=True)
class Lived:
    """What came of a life.

    `daily` has one row per day: `day`, `replies`, `reward` (expected new followers of the replies made),
    `followers` (what they brought), `oracle` and `uniform` (expected, of as many replies), `decided` (False
    while the bot replied by habit). `shares` is the allocation of generators by day; `experiments` has the
    true `lift` (a fraction) beside each; `pivots` is true to a change where `is_true`; `health` is by day.
    """

    daily: pd.DataFrame
    shares: pd.DataFrame
    experiments: pd.DataFrame
    pivots: pd.DataFrame
    health: pd.DataFrame


@dataclass(frozen=True)
class Play:
    """What is played: the same world, seed and days are the same posts and the same luck."""

    world: World
    first_day: date
    days: int
    per_day: int
    seed: int
    habit_days: int = 10


class SeededLoop(Loop):
    """A client whose session draws the same decision ids again."""

    def __init__(self, url: str, seed: float) -> None:
        super().__init__(url)
        self._seed = seed
        self._sessions = 0

    def _ready(self, check: bool) -> psycopg.Connection[Any]:
        before = self._connection
        connection = super()._ready(check)
        if connection is not before:
            self._sessions += 1  # a session that is opened anew must not draw the first one's ids
            connection.execute("SELECT setseed(%s)", [self._seed / self._sessions])
        return connection


def play_life(
    play: Play,
    engine: sa.Engine,
    settings: Settings,
    on_day: Callable[[int], None] = lambda day: None,
) -> Lived:
    """Live it on a migrated, empty database."""
    of_audience, of_truth, of_platform, of_bot = np.random.SeedSequence(play.seed).spawn(4)
    audience = Audience(play.world, play.first_day, play.days, of_audience)
    truth = Truth(play.world, audience, of_truth)
    platform = Platform(truth, of_platform)
    number = int(of_bot.generate_state(1)[0])
    url = engine.url.render_as_string(hide_password=False)
    loop_at = Turns(engine, settings)
    with SeededLoop(url, number / 2**32) as loop:
        bot = Bot(loop, platform, play.per_day, play.habit_days, play.world.trouble, number)
        for hour in range(24 * play.days):
            at = audience.start + timedelta(hours=hour)
            loop_at.hour(at)
            for place, trial in enumerate(play.world.experiment):
                if 24 * trial.day == hour:
                    start_trial(engine, trial, at + EXPERIMENTS_AT, f"{play.seed}/{place}")
            bot.live(hour, at)
            if hour % 24 == 23:
                on_day(hour // 24)
    loop_at.hour(audience.start + timedelta(days=play.days))
    return look_back(play, truth, score(play, truth, platform), engine)


class Turns:
    """The loop at its cadences."""

    def __init__(self, engine: sa.Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings
        self._seen = EVER  # up to here no fact came too late

    def hour(self, at: datetime) -> None:
        """What is due at a full hour: the chain, after the days that late facts belong to were opened."""
        if at.hour % CHAIN_EVERY_HOURS == 0:
            spans = self._settings.horizon, self._settings.grace
            *_, self._seen = reopen_late_days(self._engine, self._seen, REACH, *spans)
            turn(STAGES_OF["chain"], self._engine, self._settings, at)
            self._pivot(at + SENSED_AFTER)
        if at.hour == 0:
            turn(STAGES_OF["experiments"], self._engine, self._settings, at + EXPERIMENTS_AT)

    def _pivot(self, at: datetime) -> None:
        """What the pivot sensor triggers once the chain has turned."""
        if isinstance(move_pivot(self._engine, lambda: at, self._settings), Move):
            again = at + SENSED_AFTER
            runtime = Runtime(self._engine, self._settings, now=lambda: again)
            for stage in switched_on(REACTING, self._settings.features):
                stage.fill(runtime, Window.at(today(again), again))


def turn(stages: Sequence[Stage], engine: sa.Engine, settings: Settings, now: datetime) -> None:
    """One turn of the loop: what a scheduled run does, without Dagster."""
    runtime = Runtime(engine, settings, now=lambda: now)
    stages = switched_on(stages, settings.features)
    first, last = map(date.fromisoformat, open_range(runtime, stages))
    for stage in stages:
        for day in days_between(first, last):
            stage.fill(runtime, Window.at(day, now))


def start_trial(engine: sa.Engine, trial: Trial, at: datetime, name: str) -> None:
    """An experiment as the operator starts it; its id, which decides who is treated, comes from `name`."""
    with engine.begin() as connection:
        connection.execute(
            CREATE,
            {
                "id": uuid5(NAMESPACE_OID, f"replyloop/{name}"),
                "name": f"{trial.treatment} instead of {trial.control}",
                "hypothesis": f"{trial.treatment} brings more followers",
                "dimension": trial.dimension,
                "control": trial.control,
                "treatment": trial.treatment,
                "percent": 100 * trial.share,
                "at": at,
            },
        )


def score(play: Play, truth: Truth, platform: Platform) -> pd.DataFrame:
    """What each day brought, beside what the best and a random choice would have brought."""
    made = pd.DataFrame(
        [
            ((reply.posted_at - truth.audience.start).days, reply.mean, reply.counts.followers)
            for reply in platform.replies
        ],
        columns=["day", "reward", "followers"],
    )
    daily = made.groupby("day").sum().reindex(range(play.days), fill_value=0)
    daily["replies"] = made.groupby("day").size().reindex(daily.index, fill_value=0)
    replies = enumerate(daily["replies"].tolist())
    daily[["oracle", "uniform"]] = [(truth.best(day, n), truth.random(day, n)) for day, n in replies]
    daily["decided"] = daily.index >= play.habit_days
    return daily.reset_index()


def look_back(play: Play, truth: Truth, daily: pd.DataFrame, engine: sa.Engine) -> Lived:
    """What the loop decided, beside the truth."""
    with engine.connect() as connection:
        shares, experiments, pivots, health = (
            pd.read_sql(sa.text(query), connection, params={"first_day": play.first_day})
            for query in (SHARES, EXPERIMENTS, PIVOTS, HEALTH)
        )
    experiments["lift"] = [
        truth.lift(*compared)
        for compared in experiments[
            ["dimension", "control_strategy", "treatment_strategy", "started"]
        ].itertuples(index=False, name=None)
    ]
    changed = [change.day for change in play.world.change]
    pivots["is_true"] = [
        any(day <= opened <= day + NOTICED_WITHIN_DAYS for day in changed) for opened in pivots["opened"]
    ]
    return Lived(daily, shares, experiments, pivots, health)

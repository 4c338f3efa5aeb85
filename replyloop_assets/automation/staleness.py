"""Which stages their schedule no longer turns: the newest as-of of each against the turns it has missed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from dagster._utils.schedules import reverse_cron_string_iterator

from replyloop_assets.automation.schedules import CADENCES, switched_on
from replyloop_assets.settings import Features
from replyloop_assets.warehouse.open_days import first_fact_day

SLACK = timedelta(hours=1)  # a turn may wait for a backfill, and it takes its time
TURNS = 2  # missed one after another
MOST_NAMED = 3
NEWEST = sa.text("SELECT stage, max(as_of) FROM stage_days GROUP BY stage")


@dataclass(frozen=True)
class Stale:
    """The stages of a cadence that missed its turns; since when, None for never."""

    cadence: str
    stages: Sequence[str]
    since: datetime | None

    def __str__(self) -> str:
        """In words, to be continued."""
        names = ", ".join(self.stages)
        if len(self.stages) > MOST_NAMED:
            names = f"{len(self.stages)} stages of the schedule {self.cadence}"
        been = "has not been" if len(self.stages) == 1 else "have not been"
        when = f"since {self.since:%Y-%m-%d %H:%M} UTC" if self.since else "at all"
        return f"{names} {been} computed {when}"


def find_stale(
    engine: sa.Engine, now: datetime, features: Features, watched_since: datetime | None = None
) -> list[Stale]:
    """What two turns of its fastest cadence have not computed; nothing where there are no facts.

    With `watched_since`, turns of before it do not count: nobody was there to make them.
    """
    if first_fact_day(engine) is None:
        return []
    with engine.connect() as connection:
        newest: dict[str, datetime] = {row[0]: row[1] for row in connection.execute(NEWEST)}
    found = []
    for cadence, (turn, stages) in expected(now, features).items():
        late = [name for name in stages if name not in newest or newest[name] < turn]
        if late and (watched_since is None or turn >= watched_since):
            known = [newest[name] for name in late if name in newest]
            found.append(Stale(cadence, late, min(known) if len(known) == len(late) else None))
    return found


def expected(now: datetime, features: Features) -> dict[str, tuple[datetime, list[str]]]:
    """By cadence: since when its stages should have been computed, each under the fastest that turns it."""
    turns = {
        cadence.name: (earlier_turn(cadence.cron, now - SLACK), switched_on(cadence.stages, features))
        for cadence in CADENCES
        if not cadence.feature or getattr(features, cadence.feature)
    }
    answer: dict[str, tuple[datetime, list[str]]] = {}
    seen: set[str] = set()
    for name, (turn, stages) in sorted(turns.items(), key=lambda item: item[1][0], reverse=True):
        answer[name] = turn, [stage.name for stage in stages if stage.name not in seen]
        seen |= {stage.name for stage in stages}
    return answer


def earlier_turn(cron: str, now: datetime) -> datetime:
    """The first of the last `TURNS` turns of before `now`."""
    ticks = reverse_cron_string_iterator(now.timestamp(), cron, "UTC")
    # the iterator begins with a turn that falls on `now` or just after it
    past = (tick for tick in ticks if tick <= now)
    for _ in range(TURNS - 1):
        next(past)
    return next(past).astimezone(UTC)

"""When a pivot opens and when it closes: exactly one for each episode of degradation.

Seed, Phase 4.3 (SystemHealthMonitor): a degraded system explores more and tries something else. A pivot
lasts at least 14 days and until recovery, at most 60, after which the new level is the usual one.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

from replyloop_assets.learning.health.settings import PivotSettings

FRESH_DAYS = 1  # a verdict on yesterday still tells of now


class Seen(NamedTuple):
    """What the newest window says of health (`health_status`).

    `recovered` is below the lower threshold; `usual_since` is from when on the level is the usual one, where
    an episode has ended by its age.
    """

    day: date
    pivot_warranted: bool
    recovered: bool
    episode_started_at: datetime | None
    usual_since: date | None
    reason: str


class PastPivot(NamedTuple):
    """One pivot so far."""

    opened_at: datetime
    closed_at: datetime | None

    def over_at(self, most_days: int) -> datetime:
        """When it is over: once somebody closed it, or its most days have passed."""
        most = self.opened_at + timedelta(days=most_days)
        return min(self.closed_at or most, most)


class Move(NamedTuple):
    """What is to be done now, and why."""

    what: Literal["open", "close"]
    reason: str


def next_move(
    seen: Seen | None, pivots: Sequence[PastPivot], now: datetime, settings: PivotSettings, most_days: int
) -> Move | str:
    """The move that is due now; else, in words, why there is none.

    A verdict on a past day is history: it opens nothing, and nothing is closed on it. `pivots` are all so
    far, the newest last; none is longer than `most_days`, after which health takes a level for the usual.
    """
    fresh = seen is not None and (now.date() - seen.day).days <= FRESH_DAYS
    last = pivots[-1] if pivots else None
    if last and last.closed_at is None:
        return closing(seen if fresh else None, last, now, settings, most_days)
    if seen is None or not fresh:
        return "No window of today or yesterday is judged yet."
    if not seen.pivot_warranted or seen.episode_started_at is None:
        return "No drop is sure enough for a pivot."
    if last:
        over_at = last.over_at(most_days)
        if is_answered(seen.episode_started_at, over_at):
            return "The episode that lasts has had its pivot."
        if now < over_at + timedelta(days=settings.cooldown_days):
            return f"The last pivot closed less than {settings.cooldown_days} days ago."
    return Move("open", seen.reason)


def is_answered(episode_started_at: datetime, over_at: datetime) -> bool:
    """Whether the pivot that is over was this episode's; one that begins on that day is the next."""
    return episode_started_at.date() < over_at.date()


def closing(
    seen: Seen | None, opened: PastPivot, now: datetime, settings: PivotSettings, most_days: int
) -> Move | str:
    """Whether an open pivot is to be closed."""
    age, most = now - opened.opened_at, timedelta(days=most_days)
    settled = f"{most_days} days have passed: the new level is the usual one now."
    if age >= most:
        return Move("close", settled)
    if age < timedelta(days=settings.least_days):
        return f"A pivot is open, for at least {settings.least_days} days."
    if seen is None or not seen.recovered:
        return "A pivot is open until what replies bring has recovered."
    if seen.usual_since and seen.usual_since > (opened.opened_at - most).date():
        return Move("close", settled)
    return Move("close", f"Recovered: {seen.reason}")

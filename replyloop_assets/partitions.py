"""The one clock: UTC days from the history start, the running day as the newest partition.

The *as-of* of a day is its end, or now for the running day. What is computed for a day uses the
facts of before its as-of and nothing else, so a closed day comes out the same whenever it is filled.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import dagster as dg

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.settings import load_settings

PARTITIONS = dg.DailyPartitionsDefinition(
    start_date=load_settings().history_start.isoformat(), timezone="UTC", end_offset=1
)


def day_start(day: date) -> datetime:
    """Midnight UTC at which `day` begins."""
    return datetime.combine(day, time(), UTC)


def today(now: datetime) -> date:
    """The running day at the instant `now`."""
    return now.astimezone(UTC).date()


def days_between(first: date, last: date) -> list[date]:
    """Every day from `first` to `last`, both included; empty where `last` comes before."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


@dataclass(frozen=True)
class Window:
    """One partition at one as-of: a day, and the instant whose facts it may use."""

    day: date
    as_of: datetime
    is_newest: bool
    is_newest_closed: bool

    @classmethod
    def at(cls, day: date, now: datetime) -> "Window":
        """The window of `day` as seen at `now`.

        Raises:
            ReplyloopError: the day lies in the future of `now`.
        """
        if day > today(now):
            raise ReplyloopError(f"{day} has not begun: the running day is {today(now)} (UTC).")
        end = day_start(day + timedelta(days=1))
        age = (today(now) - day).days
        return cls(day, min(end, now.astimezone(UTC)), age == 0, age == 1)

    @property
    def closed(self) -> bool:
        """Whether the whole day lay behind the as-of: its rows are final, but for late facts."""
        return self.as_of == day_start(self.day + timedelta(days=1))

    def first_day(self, length: int) -> date:
        """The first day of the window of `length` days that ends with this one."""
        return self.day - timedelta(days=length - 1)

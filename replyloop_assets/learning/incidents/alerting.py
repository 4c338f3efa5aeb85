"""Which errors the operator is told of: the new and the surging, each once, and not too many."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime
from hashlib import blake2b
from typing import NamedTuple

from replyloop_assets.learning.incidents.settings import WEEK, ErrorSettings
from replyloop_assets.learning.lazily import pd

SHOWN = 300  # characters of a fingerprint
MORE = "error/more/"  # and the day: the key of the notice of the rest


class Notice(NamedTuple):
    """One alert: its key, the component it is about, and what it says."""

    key: str
    component: str
    message: str


class Fresh(NamedTuple):
    """What an alert says of an error that is new or surges."""

    category: str
    fingerprint: str
    component: str | None
    trend: str
    occurrences: int
    last_day_occurrences: int
    first_seen_at: datetime
    came_lately: bool

    @property
    def subject(self) -> str:
        """What its alerts' keys begin with: which error."""
        name = f"{self.category}\n{self.fingerprint}".encode()
        return f"error/{blake2b(name, digest_size=8).hexdigest()}"

    @property
    def what(self) -> str:
        """What of it they tell."""
        return "surging" if self.trend == "surging" else "new"

    @property
    def topic(self) -> str:
        """Which error, and what of it."""
        return f"{self.subject}/{self.what}"

    @property
    def first_day(self) -> date:
        """The UTC day on which it came first."""
        return self.first_seen_at.astimezone(UTC).date()

    def __str__(self) -> str:
        where = f"{self.category} in {self.component or 'an unknown component'}"
        times = f"{self.last_day_occurrences} time{'s' * (self.last_day_occurrences != 1)} in 24 hours"
        text = self.fingerprint if len(self.fingerprint) <= SHOWN else f"{self.fingerprint[:SHOWN]}…"
        if self.trend == "new":
            return f"New error ({where}), {times}: {text}"
        times = f"{times}, {self.occurrences} in {WEEK} days"
        if self.what == "new":
            return f"New error ({where}) since {self.first_day}, {times}: {text}"
        return f"Surging error ({where}), {times}: {text}"


def notices(errors: pd.DataFrame, told: Collection[str], day: date, settings: ErrorSettings) -> list[Notice]:
    """The alerts of one turn, the most frequent errors first; beyond the day's number, one for the rest.

    An error that came lately and that nobody was told of, for nothing looked while it was new, is told now.

    Args:
        errors: as `group_errors` gives them.
        told: keys of the alerts of the last `quiet_days`.
    """
    fresh = [Fresh(*row) for row in errors[list(Fresh._fields)].itertuples(index=False)]
    fresh = [one for one in fresh if is_due(one, told)]
    fresh.sort(key=lambda one: (-one.last_day_occurrences, one.category, one.fingerprint))
    more = f"{MORE}{day}"
    spent = sum(key.endswith(f"/{day}") for key in told if key != more)
    left = max(0, settings.most_alerts - spent)
    found = [Notice(f"{one.topic}/{day}", one.component or "unknown", str(one)) for one in fresh[:left]]
    if fresh[left:] and more not in told:
        count = len(fresh[left:])
        text = (
            f"{count} more error{'s are' if count > 1 else ' is'} new or surging today: see error_analysis."
        )
        found.append(Notice(more, "error_analysis", text))
    return found


def is_due(error: Fresh, told: Collection[str]) -> bool:
    """Whether the operator should hear of it now."""
    if error.trend in ("new", "surging"):
        return not any(key.startswith(f"{error.topic}/") for key in told)
    told_itself = any(key.startswith(f"{error.subject}/") for key in told)
    among_others = any(key.startswith(MORE) and key >= f"{MORE}{error.first_day}" for key in told)
    return error.came_lately and not told_itself and not among_others

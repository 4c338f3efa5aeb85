"""Which errors the operator is told of: the new and the surging, each once, and not too many."""

from collections.abc import Collection
from datetime import date
from hashlib import blake2b
from typing import NamedTuple

import pandas as pd

from replyloop_assets.learning.errors.trend import WEEK, ErrorSettings

SHOWN = 300  # characters of a fingerprint


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

    @property
    def topic(self) -> str:
        """What its alerts' keys begin with: which error, and what of it."""
        name = f"{self.category}\n{self.fingerprint}".encode()
        return f"error/{blake2b(name, digest_size=8).hexdigest()}/{self.trend}"

    def __str__(self) -> str:
        where = f"{self.category} in {self.component or 'an unknown component'}"
        times = f"{self.last_day_occurrences} time{'s' if self.last_day_occurrences > 1 else ''} in 24 hours"
        text = self.fingerprint if len(self.fingerprint) <= SHOWN else f"{self.fingerprint[:SHOWN]}…"
        if self.trend == "new":
            return f"New error ({where}), {times}: {text}"
        return f"Surging error ({where}), {times}, {self.occurrences} in {WEEK} days: {text}"


def notices(errors: pd.DataFrame, told: Collection[str], day: date, settings: ErrorSettings) -> list[Notice]:
    """The alerts of one turn, the most frequent errors first; beyond the day's number, one for the rest.

    Args:
        errors: as `group_errors` gives them.
        told: keys of the alerts of the last `quiet_days`.
    """
    quiet = {key.rpartition("/")[0] for key in told}
    fresh = [Fresh(*row) for row in errors[list(Fresh._fields)].itertuples(index=False)]
    fresh = [one for one in fresh if one.trend in ("new", "surging") and one.topic not in quiet]
    fresh.sort(key=lambda one: (-one.last_day_occurrences, one.category, one.fingerprint))
    more = f"error/more/{day}"
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

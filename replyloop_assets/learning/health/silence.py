"""Silence: facts of a kind that used to come, and have not come for longer than usual."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

FEWEST_DAYS = 5  # days with facts, below which nobody knows what is usual
USUAL = 0.95  # of the gaps between them are no longer than the usual one
LONGER = 2.0  # times the usual gap is silence


@dataclass(frozen=True)
class Silence:
    """What has stopped coming: its kind, the instant of the last, hours since, usual gap in days."""

    kind: str
    since: datetime
    hours: float
    usual_gap_days: int

    def __str__(self) -> str:
        every = "every day" if self.usual_gap_days == 1 else f"every {self.usual_gap_days} days"
        return (
            f"no {self.kind} for {self.hours / 24:.1f} days (since {self.since:%Y-%m-%d %H:%M} UTC), "
            f"where they usually come {every}"
        )


def find_silence(kind: str, days: Sequence[date], last: datetime, as_of: datetime) -> Silence | None:
    """The silence of one kind of fact at the as-of; None where it is not unusual, or was never usual.

    Args:
        days: the UTC days on which such facts came, ascending, the last one's among them.
        last: the instant of the last.
    """
    if len(days) < FEWEST_DAYS:
        return None
    gaps = np.diff([day.toordinal() for day in days])
    usual = int(np.quantile(gaps, USUAL, method="higher"))
    hours = (as_of - last).total_seconds() / 3600
    return Silence(kind, last, hours, usual) if hours > LONGER * 24 * usual else None


def explain_silence(silences: Sequence[Silence]) -> str:
    """What is silent, in one sentence."""
    text = "; ".join(map(str, silences))
    return f"{text[:1].upper()}{text[1:]}."

"""Silence: facts of a kind that used to come and do not, or come and cannot be taken."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from replyloop_assets.learning.health.rollup import Places

FEWEST_DAYS = 5  # days with facts, below which nobody knows what is usual
USUAL = 0.95  # of the gaps between them are no longer than the usual one
LONGER = 2.0  # times the usual gap is silence
FEWEST_REFUSED = 10  # facts in quarantine, below which it is a mishap
MOST_REFUSED = 0.5  # of what was told in a day, above which its ingestion fails
JUDGED_BY = ("replies", "snapshots", "outcomes")  # what a verdict on replies rests on
INGESTION = "ingestion of "


@dataclass(frozen=True)
class Silence:
    """What has stopped coming: its kind, the instant of the last, hours since, usual gap in days.

    Or whose ingestion fails: the instant of the first that was refused, hours since, how many of how many
    that were told went to quarantine, and the commonest reason.
    """

    kind: str
    since: datetime
    hours: float
    usual_gap_days: int = 0
    refused: int = 0
    told: int = 0
    reason: str = ""

    @property
    def blinds(self) -> bool:
        """Whether nobody can tell what replies bring meanwhile."""
        return self.kind.removeprefix(INGESTION) in JUDGED_BY

    def __str__(self) -> str:
        if self.refused:
            return (
                f"the {self.kind} fails: {self.refused} of the {self.told} told in a day went to quarantine "
                f"(since {self.since:%Y-%m-%d %H:%M} UTC), mostly because {self.reason}"
            )
        every = "every day" if self.usual_gap_days == 1 else f"every {self.usual_gap_days} days"
        return (
            f"no {self.kind} for {self.hours / 24:.1f} days (since {self.since:%Y-%m-%d %H:%M} UTC), "
            f"where they usually come {every}"
        )


def find_silence(kind: str, days: Places, last: datetime, as_of: datetime) -> Silence | None:
    """The silence of one kind of fact at the as-of; None where it is not unusual, or was never usual.

    Args:
        days: the UTC days on which such facts came, as ordinals, ascending, the last one's among them.
        last: the instant of the last.
    """
    if len(days) < FEWEST_DAYS:
        return None
    gaps = np.sort(np.diff(days))
    usual = int(gaps[math.ceil(USUAL * (len(gaps) - 1))])
    hours = (as_of - last).total_seconds() / 3600
    return Silence(kind, last, hours, usual) if hours > LONGER * 24 * usual else None


def find_failure(
    kind: str, since: datetime, refused: int, reason: str, taken: int, as_of: datetime
) -> Silence | None:
    """The ingestion of one kind of fact, if most of what was told in the last day went to quarantine.

    Args:
        since: when the first of the `refused` was told.
    """
    told = refused + taken
    if refused < FEWEST_REFUSED or refused <= MOST_REFUSED * told:
        return None
    hours = (as_of - since).total_seconds() / 3600
    return Silence(f"{INGESTION}{kind}", since, hours, refused=refused, told=told, reason=reason)


def explain_silence(silences: Sequence[Silence]) -> str:
    """What is silent, in one sentence."""
    text = "; ".join(map(str, silences))
    return f"{text[:1].upper()}{text[1:]}."

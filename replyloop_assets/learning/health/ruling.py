"""What a rule of health says of the last of some days."""

from datetime import date
from typing import NamedTuple


class Ruling(NamedTuple):
    """The status and its reason; since when there is evidence, the alarm, and a level that became usual."""

    status: str
    pivot_warranted: bool
    reason: str
    since: date | None
    started: date | None
    renewed: date | None

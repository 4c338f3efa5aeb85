"""What the doctor finds: one thing each."""

from dataclasses import dataclass
from typing import Literal

Gravity = Literal["well", "note", "warning", "fault"]
GRAVITIES: tuple[Gravity, ...] = ("well", "note", "warning", "fault")


@dataclass(frozen=True)
class Finding:
    """One thing: how grave, what of, what is so, and what to do about it ("" for nothing)."""

    gravity: Gravity
    subject: str
    what: str
    advice: str = ""

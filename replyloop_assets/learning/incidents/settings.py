"""When an error is new, surges, rises or falls."""

from typing import Self

from pydantic import model_validator

from replyloop_assets.learning.fields import Component, count, days, setting, share

WEEK = 7


class ErrorSettings(Component):
    """How errors are told apart, and from when on a change is one."""

    lookback_days: int = days(
        28, "How far back errors are read: a week is compared with the week before.", least=2 * WEEK
    )
    new_days: int = days(1, "An error is new if it came in so many last days alone, and none like it before.")
    merge_values: int = count(
        8, "So many different words in one place of a message are values.", "words", least=2
    )
    surge_ratio: float = setting(
        3.0, "A surge has so many times a day of the week before.", "a factor", ge=1, le=1000
    )
    surge_chance: float = share(
        0.001, "The chance of a surge by chance in one look, all errors together.", gt=0, lt=1
    )
    change_ratio: float = setting(
        1.5, "A rise or fall is by so much from week to week.", "a factor", ge=1, le=1000
    )
    false_changes: float = share(0.05, "The part of rises and falls so called that are none.", gt=0, lt=1)
    burstiness: float = setting(
        4.0,
        "A week's worth of days that varied so many times as much as independent ones is added to an error's "
        "own days.",
        "a factor",
        ge=1,
        le=1000,
    )
    most_alerts: int = count(5, "How many errors the alerts of a day tell of one by one.", "errors")
    quiet_days: int = days(7, "How long no error's same trend is told twice.")
    most_messages: int = count(
        100_000, "How many of the most frequent messages are read.", "messages", least=1
    )
    most_characters: int = count(
        50_000_000, "How long the messages that are read are together at most.", "characters", least=1
    )
    most_shapes: int = count(
        20_000, "How many of the messages are told apart; the rest counts as one.", "shapes", least=1
    )

    @model_validator(mode="after")
    def check_together(self) -> Self:
        """The days looked back hold the others."""
        for name in ("new_days", "quiet_days"):
            self.require(
                getattr(self, name) < self.lookback_days,
                f"{name} ({getattr(self, name)}) is not less than lookback_days ({self.lookback_days})",
                name,
                "lookback_days",
            )
        return self

"""The rules of health. A new one is a file beside these, and a line in `RULES`."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Protocol

from replyloop_assets.learning.comparison import Flags, Moments
from replyloop_assets.learning.health.change import Watch
from replyloop_assets.learning.health.rules.detector import Detector
from replyloop_assets.learning.health.rules.seed import Health, Seed
from replyloop_assets.learning.health.ruling import Ruling
from replyloop_assets.learning.health.settings import HealthSettings

Row = Mapping[str, Any]


class Rule(Protocol):
    """What a rule of health does; `name` is what the setting and the table call it.

    One that judges what is watched goes by profile visits where these stand in for followers.
    A row is one of `health_status`, as this rule wrote it; sentences about it are to be continued.
    """

    name: str
    judges_what_is_watched: bool

    def rule(
        self, days: Sequence[date], seed: Health, watch: Watch, followers: Moments, settings: HealthSettings
    ) -> Ruling:
        """The verdict on the last of some consecutive days, from what both kinds of figures say of them."""

    def daily(self, followers: Moments, logs: Moments, settings: HealthSettings) -> tuple[Flags, Flags]:
        """Whether each day is degraded, and whether a pivot is warranted; any leading axes, days last."""

    def has_recovered(self, status: str, degradation: float | None, settings: HealthSettings) -> bool:
        """Whether an episode is over for good, so that what comes next is another."""

    def shortfall(self, row: Row) -> str:
        """How much less than usual a degraded row says."""

    def evidence(self, row: Row, settings: HealthSettings) -> str:
        """How far a healthy row is from an alarm."""

    def luck(self, row: Row, settings: HealthSettings) -> str:
        """How often chance alone would look like a degraded row."""

    def needed(self, row: Row, settings: HealthSettings) -> str:
        """What a pivot needs."""


RULES: dict[str, Rule] = {rule.name: rule for rule in (Detector(), Seed())}

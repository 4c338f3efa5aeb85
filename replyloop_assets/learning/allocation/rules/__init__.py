"""The rules by which effort is shared. A new one is a file beside these, and a line in `RULES`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from replyloop_assets.learning.allocation.families import Asked, Family
from replyloop_assets.learning.allocation.rules.likeliest import Likeliest
from replyloop_assets.learning.allocation.rules.seed import Seed
from replyloop_assets.learning.allocation.settings import AllocationSettings
from replyloop_assets.learning.allocation.shared import Shared
from replyloop_assets.learning.comparison import Floats
from replyloop_assets.learning.lazily import pd


class Rule(Protocol):
    """What a rule of allocation does.

    `name` is what the setting calls it, `leaders` how many of a dimension's values do not explore,
    `follows_doubt` whether a pivot may explore more in one dimension than in another, `goes_by` what it
    shares by, in words.
    """

    name: str
    leaders: int
    follows_doubt: bool
    goes_by: str

    def check(self, settings: AllocationSettings) -> None:
        """Refuse, with a ValueError, settings that this rule cannot work with."""

    def share_out(
        self,
        families: Sequence[Family],
        evidence: pd.DataFrame,
        daily: pd.DataFrame,
        asked: Sequence[Asked],
        exploration: Floats,
        settings: AllocationSettings,
    ) -> Shared:
        """Share out every dimension of some windows.

        Args:
            families: where each dimension of each window stands in the evidence.
            evidence, daily, asked: as in `shares.allocate`.
            exploration: the share of each family that explores, in percent.
        """


RULES: dict[str, Rule] = {rule.name: rule for rule in (Likeliest(), Seed())}


def rule_of(settings: AllocationSettings) -> Rule:
    """The rule in force."""
    return RULES[settings.rule]

"""The rules that choose a generator. A new one is a file beside these, and a line in `RULES`."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.comparison import Floats
from replyloop_assets.learning.generators.pooling import Beliefs, Counts
from replyloop_assets.learning.generators.rules.pooled import Pooled
from replyloop_assets.learning.generators.rules.seed import Seed
from replyloop_assets.learning.generators.settings import GeneratorSettings


class Rule(Protocol):
    """What a rule of generators does; `name` is what the setting calls it.

    `knows_default`: the default generator is one, even where no reply was written by it. `installs`: an
    adopted treatment gets its share in every account. `forgets`: what lay before a sure change is left out,
    and a pivot explores as far as the change leaves doubt of generators.
    """

    name: str
    knows_default: bool
    installs: bool
    forgets: bool

    def evidence_kept(self, settings: GeneratorSettings) -> float:
        """What a reply of before the drop counts after a pivot, as a part of one."""

    def shares(
        self,
        counts: Counts,
        believed: Callable[[], Beliefs],
        default: NDArray[np.intp] | int,
        settings: GeneratorSettings,
        explores: Floats | float = np.nan,
    ) -> Floats:
        """The share of each generator in each account, shape (..., accounts, generators).

        Args:
            believed: gives the posterior, for a rule that wants it.
            default: the place of the default generator, of each account's window.
            explores: the share that explores there while a pivot is open; NaN where none is.
        """

    def settle_bands(
        self,
        bands: NDArray[np.object_],
        counts: Counts,
        default: NDArray[np.intp] | int,
        settings: GeneratorSettings,
    ) -> None:
        """Correct the bands, in place, where the rule chose otherwise than they say."""

    def explain(
        self,
        account: str,
        generator: str,
        probability: float,
        expected: float,
        mean: float,
        confident: float,
        samples: int,
        band: str,
        of_all: int,
    ) -> str:
        """One share in words."""


RULES: dict[str, Rule] = {rule.name: rule for rule in (Pooled(), Seed())}


def rule_of(settings: GeneratorSettings) -> Rule:
    """The rule in force."""
    return RULES[settings.rule]

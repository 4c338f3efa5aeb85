"""The default rule: the value that is most likely the best gets all but the exploration share.

What each value brings is followed from day to day (`hurdle`); how likely each is the best is exact
(`choice`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from replyloop_assets.learning.allocation.belief import Beliefs
from replyloop_assets.learning.allocation.choice import leading, optimal_probability, runner_up_weights
from replyloop_assets.learning.allocation.choice import shares as shares_by
from replyloop_assets.learning.allocation.evidence import fold_families
from replyloop_assets.learning.allocation.families import Asked, Family, of_one_size
from replyloop_assets.learning.allocation.settings import AllocationSettings
from replyloop_assets.learning.allocation.shared import Shared
from replyloop_assets.learning.comparison import Floats
from replyloop_assets.learning.lazily import pd


class Likeliest:
    """Beliefs, and what the chance of being the best gets."""

    name = "default"
    leaders = 1
    follows_doubt = True
    goes_by = "the chance of being the best"

    def check(self, settings: AllocationSettings) -> None:
        """Nothing more than the settings themselves ask for."""

    def share_out(
        self,
        families: Sequence[Family],
        evidence: pd.DataFrame,
        daily: pd.DataFrame,
        asked: Sequence[Asked],
        exploration: Floats,
        settings: AllocationSettings,
    ) -> Shared:
        """Share by what is believed of each value; a pivot makes a change likelier before its day."""
        beliefs = fold_families(families, evidence["value"].tolist(), daily, asked, settings)
        found = Shared.of(len(evidence))
        found.expected_value[:] = np.round(np.exp(beliefs.mean), 9)
        for places, rows in of_one_size(families):
            of_rows = Beliefs(*(part[rows] for part in beliefs))
            choice = choose(of_rows, exploration[places, None] / 100, settings)
            found.percent[rows], found.p_best[rows] = 100 * choice.shares, choice.chances
        return found


class Choice(NamedTuple):
    """Arrays (..., arms): P(best), untempered; and shares (0 to 1) that sum to 1."""

    chances: Floats
    shares: Floats


def choose(beliefs: Beliefs, exploration: Floats | float, settings: AllocationSettings) -> Choice:
    """The default rule: shares by the tempered chance of being the best; `exploration` from 0 to 1."""
    mean, deviation = beliefs
    tempered = optimal_probability(mean, settings.temper * deviation)
    behind = runner_up_weights(mean, deviation, leading(tempered), settings.surplus_temper)
    return Choice(optimal_probability(mean, deviation), shares_by(tempered, exploration, behind))

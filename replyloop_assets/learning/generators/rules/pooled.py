"""The default rule: shares learned from all accounts together (`pooling`), and never a point."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.allocation.choice import optimal_probability, shares
from replyloop_assets.learning.comparison import Floats
from replyloop_assets.learning.generators.bands import ANY_ACCOUNT, DEFAULT
from replyloop_assets.learning.generators.pooling import Beliefs, Counts, contrast_deviation
from replyloop_assets.learning.generators.settings import GeneratorSettings


class Pooled:
    """What a generator brings everywhere plus its own part in each account, as far as the evidence goes."""

    name = "default"
    knows_default = False
    installs = True
    forgets = True

    def evidence_kept(self, settings: GeneratorSettings) -> float:
        """What a reply of before the drop counts after a pivot, as a part of one."""
        return settings.pivot_evidence_kept

    def shares(
        self,
        counts: Counts,
        believed: Callable[[], Beliefs],
        default: NDArray[np.intp] | int,
        settings: GeneratorSettings,
        explores: Floats | float = np.nan,
    ) -> Floats:
        """By the chance of being the best."""
        exploration = np.where(np.isnan(explores), settings.exploration_share, explores)
        return pooled_shares(believed(), settings, np.asarray(exploration)[..., None])

    def settle_bands(
        self,
        bands: NDArray[np.object_],
        counts: Counts,
        default: NDArray[np.intp] | int,
        settings: GeneratorSettings,
    ) -> None:
        """The bands stand as they are."""

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
        """One share of the default rule in words."""
        words = f"{generator} {100 * probability:.0f}%: "
        if expected == expected:
            words += f"{expected:.1f} followers expected per reply, "
        if account == ANY_ACCOUNT:
            return f"{words}{of_all} replies to all accounts, none to this one yet"
        evidence = "too few here, so all accounts count" if band == DEFAULT else band
        return f"{words}{samples} replies to this account, {of_all} to all; {evidence}"


def pooled_shares(
    beliefs: Beliefs, settings: GeneratorSettings, exploration: Floats | float | None = None
) -> Floats:
    """The default rule's share of each generator in each account, shape (..., accounts, generators).

    `exploration` is the share that explores, of the settings if not given.
    """
    deviation = settings.temper * contrast_deviation(beliefs.covariance)
    explores = settings.exploration_share if exploration is None else exploration
    return shares(optimal_probability(beliefs.mean, deviation), explores)

"""The seed's rule, Phase 2.3: the best generator of the account by itself, or else the default one.

No alternative ever gathers the samples it would need, so it locks on to the default.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.comparison import Floats
from replyloop_assets.learning.generators.bands import DEFAULT, confidence
from replyloop_assets.learning.generators.pooling import Beliefs, Counts
from replyloop_assets.learning.generators.settings import GeneratorSettings


class Seed:
    """A point; the default generator is one even where the window does not know it."""

    name = "seed"
    knows_default = True
    installs = False
    forgets = False

    def evidence_kept(self, settings: GeneratorSettings) -> float:
        """What a reply of before the drop counts after a pivot: all of one."""
        return 1.0

    def shares(
        self,
        counts: Counts,
        believed: Callable[[], Beliefs],
        default: NDArray[np.intp] | int,
        settings: GeneratorSettings,
        explores: Floats | float = np.nan,
    ) -> Floats:
        """The chosen one gets everything; in a pivot the others explore all the same."""
        return seed_shares(counts, default, settings, np.asarray(np.nan_to_num(explores))[..., None])

    def settle_bands(
        self,
        bands: NDArray[np.object_],
        counts: Counts,
        default: NDArray[np.intp] | int,
        settings: GeneratorSettings,
    ) -> None:
        """What is taken for want of evidence is the default, whatever its own samples say."""
        chosen, trusted = seed_choice(counts, default, settings)
        bands[~trusted, chosen[~trusted]] = DEFAULT

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
        """One choice of the seed's rule in words."""
        if probability < 0.5:
            tried = f", but tried on {100 * probability:.0f}% while a pivot is open" if probability else ""
            return f"{generator} is not chosen: {samples} replies, confidence {100 * confident:.0f}%{tried}"
        if band == DEFAULT:
            return f"No strong signal: {generator} is the default"
        return (
            f"{generator} is the best here: {mean:.1f} followers per reply over {samples} replies, "
            f"confidence {100 * confident:.0f}%; {band}"
        )


def seed_choice(
    counts: Counts, default: NDArray[np.intp] | int, settings: GeneratorSettings
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The seed's generator of each account, and whether its evidence chose it.

    The best plain mean if its confidence is above 0.4 (of equal means the first counts), else the
    default generator, whose place is `default`. Any leading axes; the answers have shape (..., accounts).
    """
    n = counts.n
    best = np.where(n > 0, counts.sum_y / np.maximum(n, 1), -np.inf).argmax(-1)
    samples = np.take_along_axis(n, best[..., None], -1)[..., 0]
    trusted = confidence(samples, settings) > settings.caution_confidence
    return np.where(trusted, best, default), trusted


def seed_shares(
    counts: Counts,
    default: NDArray[np.intp] | int,
    settings: GeneratorSettings,
    exploration: Floats | float = 0.0,
) -> Floats:
    """The seed's rule as shares: a point, with nothing left to explore; shape (..., accounts, generators).

    In a pivot the seed explores all the same: `exploration`, from 0 to 1, goes to the others evenly.
    """
    chosen, _ = seed_choice(counts, default, settings)
    others = counts.n.shape[-1] - 1
    explored = exploration if others else 0.0
    is_chosen = chosen[..., None] == np.arange(others + 1)
    return np.where(is_chosen, 1 - explored, explored / max(others, 1))

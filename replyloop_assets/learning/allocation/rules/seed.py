"""The seed's rule, Phase 3.2 (AdaptiveAllocator): Thompson draws, and shares by their rank.

A success is an outcome of at least five followers, each value draws from Beta(successes + 1, failures + 1);
the best draw gets 70%, the second 20%, the rest share 10%.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import numpy as np

from replyloop_assets.learning.allocation.choice import ranks
from replyloop_assets.learning.allocation.families import Asked, Family
from replyloop_assets.learning.allocation.settings import AllocationSettings
from replyloop_assets.learning.allocation.shared import Shared
from replyloop_assets.learning.comparison import Floats
from replyloop_assets.learning.lazily import pd


class Seed:
    """Draws, and what their ranks get."""

    name = "seed"
    leaders = 2
    follows_doubt = False
    goes_by = "the rank of a draw from how often each brings at least a few"

    def check(self, settings: AllocationSettings) -> None:
        """Refuse shares by rank that do not add up."""
        settings.require_ranked_shares()

    def share_out(
        self,
        families: Sequence[Family],
        evidence: pd.DataFrame,
        daily: pd.DataFrame,
        asked: Sequence[Asked],
        exploration: Floats,
        settings: AllocationSettings,
    ) -> Shared:
        """Draw for each value from its own successes, whatever stands beside it."""
        values = evidence["value"].tolist()
        successes, failures = (evidence[name].to_numpy(float) for name in ("successes", "failures"))
        found = Shared.of(len(evidence))
        for family, share in zip(families, exploration, strict=True):
            of, as_of = family.rows, asked[family.window].as_of.isoformat()
            found.draw[of] = [
                thompson_draws(s, f, seeded_rng("strategy_allocation", family.dimension, value, as_of))
                for value, s, f in zip(values[of], successes[of], failures[of], strict=True)
            ]
            found.percent[of] = ranked_shares(found.draw[of], settings, share)
        return found


def seeded_rng(*parts: object) -> np.random.Generator:
    """A random generator whose stream depends on the words given and on nothing else."""
    digest = sha256("/".join(map(str, parts)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16]))


def thompson_draws(successes: Floats, failures: Floats, rng: np.random.Generator) -> Floats:
    """One draw per arm from Beta(s + 1, f + 1); any leading axes."""
    return rng.beta(successes + 1, failures + 1)


def ranked_shares(draws: Floats, settings: AllocationSettings, exploration: float | None = None) -> Floats:
    """Shares in percent by rank of the draws, along the last axis; they sum to 100.

    The exploration share, or another in percent, is spread evenly over the arms behind the second, over
    all where there are none; the first two share the rest as ever. An only arm gets everything.
    """
    arms = draws.shape[-1]
    explored = settings.exploration_share if exploration is None else exploration
    by_rank = np.zeros(arms)
    by_rank[:2] = [settings.first_share, settings.second_share][:arms]
    by_rank *= (100 - explored) / (100 - settings.exploration_share)
    rest = slice(2, None) if arms > 2 else slice(None)
    by_rank[rest] += explored / len(by_rank[rest])
    by_rank *= 100 / by_rank.sum()
    return by_rank[ranks(draws)]

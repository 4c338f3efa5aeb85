"""How effort is shared among the arms of a family: the seed's Thompson draws and 70/20/10.

Seed, Phase 3.2 (AdaptiveAllocator): a success is an outcome of at least five followers, each arm draws
from Beta(successes + 1, failures + 1), the best draw gets 70%, the second 20%, the rest share 10%.
An adopted treatment is its family's incumbent for 14 days (Phase 4, connection 4).
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class AllocationSettings:
    """The seed's numbers: followers of a success, shares in percent; and the families that are shared."""

    success_followers: int = 5
    first_share: float = 70
    second_share: float = 20
    exploration_share: float = 10
    incumbent_days: int = 14
    families: tuple[str, ...] = (
        "engagement_tier",
        "account_size",
        "timing_window",
        "generator",
        "search_query",
        "format",
        "posting_hour",
    )


def seeded_rng(*parts: object) -> np.random.Generator:
    """A random generator whose stream depends on the words given and on nothing else."""
    digest = sha256("/".join(map(str, parts)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16]))


def thompson_draws(successes: Floats, failures: Floats, rng: np.random.Generator) -> Floats:
    """One draw per arm from Beta(s + 1, f + 1); any leading axes."""
    return rng.beta(successes + 1, failures + 1)


def ranks(draws: Floats) -> NDArray[np.intp]:
    """The place of each draw along the last axis, 0 for the highest."""
    return np.argsort(np.argsort(-draws, axis=-1, kind="stable"), axis=-1)


def ranked_shares(draws: Floats, settings: AllocationSettings) -> Floats:
    """Shares in percent by rank of the draws, along the last axis; they sum to 100.

    The exploration share is spread evenly over the arms behind the second, over all where there are
    none; an only arm gets everything.
    """
    arms = draws.shape[-1]
    by_rank = np.zeros(arms)
    by_rank[:2] = [settings.first_share, settings.second_share][:arms]
    rest = slice(2, None) if arms > 2 else slice(None)
    by_rank[rest] += settings.exploration_share / len(by_rank[rest])
    by_rank *= 100 / by_rank.sum()
    return by_rank[ranks(draws)]


def install(
    shares: Floats, treatment: int, control: int | None, former_share: float, settings: AllocationSettings
) -> Floats:
    """Shares in percent with an adopted treatment as the family's incumbent.

    It gets at least `former_share`, what its control had when it lost; the control keeps its part of
    the exploration; the others share what is left in their old proportion.
    """
    others = np.arange(len(shares)) != treatment
    installed = shares.copy()
    if control is not None:
        others[control] = False
        installed[control] = min(shares[control], settings.exploration_share / (len(shares) - 1))
    free = 100 - (installed[control] if control is not None else 0)
    installed[treatment] = min(max(shares[treatment], former_share), free)
    left = free - installed[treatment]
    if shares[others].sum() > 0:
        installed[others] = left * shares[others] / shares[others].sum()
    else:
        installed[treatment] += left
    return installed


def displayed(shares: Floats) -> Floats:
    """Shares in percent to two decimals that still sum to 100: cents go to the largest remainders."""
    cents = shares * 100
    whole = np.floor(cents + 1e-9)
    missing = round(shares.sum() * 100 - whole.sum())
    whole[np.argsort(whole - cents, kind="stable")[:missing]] += 1
    return whole / 100


def allocate(evidence: pd.DataFrame, as_of: datetime, settings: AllocationSettings) -> pd.DataFrame:
    """Share out every family of one window.

    Args:
        evidence: one row per arm with `strategy_type`, `strategy_name`, `successes`, `failures`,
            sorted by both names. An arm's draw depends on its family, its name, its evidence and the
            as-of alone, never on the arms beside it.
            An arm adopted within the last `incumbent_days` names the control that it `replaces` and
            that one's `former_share` (0 to 1); both are None in the others.

    Returns:
        The rows with `draw`, `probability` (0 to 1), `allocation_pct` (sums to 100 in a family) and
        `is_exploration`.
    """
    families, names = (evidence[name].to_numpy() for name in ("strategy_type", "strategy_name"))
    successes, failures = (evidence[name].to_numpy(float) for name in ("successes", "failures"))
    draws, shares, percent = np.zeros((3, len(evidence)))
    explores = np.zeros(len(evidence), bool)
    adoptions = evidence[["strategy_name", "replaces", "former_share"]].to_numpy(object)
    for family in pd.unique(families):
        arms = families == family
        draws[arms] = [
            thompson_draws(s, f, seeded_rng("strategy_allocation", family, name, as_of.isoformat()))
            for name, s, f in zip(names[arms], successes[arms], failures[arms], strict=True)
        ]
        shares[arms] = ranked_shares(draws[arms], settings)
        of_family = list(names[arms])
        for name, replaced, former in adoptions[arms]:
            if isinstance(replaced, str):
                control = of_family.index(replaced) if replaced in of_family else None
                former_share = 100 * float(former or 0)
                shares[arms] = install(shares[arms], of_family.index(name), control, former_share, settings)
        percent[arms] = displayed(shares[arms])
        explores[arms] = ranks(draws[arms]) >= 2
    return evidence.drop(columns=["replaces", "former_share"]).assign(
        draw=draws, probability=shares / 100, allocation_pct=percent, is_exploration=explores
    )

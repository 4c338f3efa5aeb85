"""How effort is shared among the arms of a family.

The default rule: what each arm brings is followed from day to day (`hurdle`), and the arm that is most
likely the best gets all but the exploration share (`choice`). The seed's rule, Phase 3.2
(AdaptiveAllocator): a success is an outcome of at least five followers, each arm draws from
Beta(successes + 1, failures + 1), the best draw gets 70%, the second 20%, the rest share 10%.
An adopted treatment is its family's incumbent for 14 days (Phase 4, connection 4).
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from replyloop_assets.learning.allocation.choice import leading, optimal_probability, runner_up_weights
from replyloop_assets.learning.allocation.choice import shares as shares_by
from replyloop_assets.learning.allocation.evidence import fold_families
from replyloop_assets.learning.allocation.hurdle import Beliefs
from replyloop_assets.learning.allocation.settings import AllocationSettings
from replyloop_assets.learning.comparison import Floats


class Choice(NamedTuple):
    """Arrays (..., arms): P(best), untempered; and shares (0 to 1) that sum to 1."""

    chances: Floats
    shares: Floats


def choose(beliefs: Beliefs, exploration: float, settings: AllocationSettings) -> Choice:
    """The default rule: shares by the tempered chance of being the best; `exploration` from 0 to 1."""
    mean, deviation = beliefs
    tempered = optimal_probability(mean, settings.temper * deviation)
    behind = runner_up_weights(mean, deviation, leading(tempered), settings.surplus_temper)
    return Choice(optimal_probability(mean, deviation), shares_by(tempered, exploration, behind))


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


def install(
    shares: Floats, treatment: int, control: int | None, former_share: float, exploration: float
) -> Floats:
    """Shares in percent with an adopted treatment as the family's incumbent; arms on the last axis.

    It gets at least `former_share`, what its control had when it lost, but the exploration share stays. The
    control keeps its part of that, the others share what is left in their old proportion, none of them
    less than a quarter of an even part of the exploration.
    """
    arms = shares.shape[-1]
    if arms == 1:
        return shares
    rest = np.delete(np.arange(arms), [treatment] if control is None else [treatment, control])
    least, part = exploration / (4 * arms), exploration / (arms - 1)
    own = shares[..., treatment]
    installed = np.zeros(shares.shape)
    installed[..., treatment] = np.clip(former_share, own, np.maximum(own, 100 - exploration))
    if control is not None:
        installed[..., control] = np.clip(shares[..., control], least if len(rest) else part, part)
    if len(rest) == 0:
        installed[..., treatment] = 100 - installed[..., control]
        return installed
    free = 100 - installed.sum(-1, keepdims=True) - least * len(rest)
    weight = shares[..., rest] + 1e-12
    installed[..., rest] = least + free * weight / weight.sum(-1, keepdims=True)
    return installed


def install_all(shares: Floats, names: Sequence[str], adopted: pd.DataFrame, exploration: float) -> Floats:
    """The shares with each adopted treatment of these arms installed, the oldest adoption first.

    `adopted` has `value`, `replaces` and `former_share` (0 to 1).
    """
    rows = adopted[["value", "replaces", "former_share"]].to_numpy(object)
    for name, replaced, former in rows:
        if name in names:
            control = names.index(replaced) if replaced in names else None
            former_share = 0.0 if pd.isna(former) else 100 * float(former)
            shares = install(shares, names.index(name), control, former_share, exploration)
    return shares


def displayed(shares: Floats) -> Floats:
    """Shares in percent to two decimals that still sum to 100: cents go to the largest remainders."""
    cents = shares * 100
    whole = np.floor(cents + 1e-9)
    missing = round(shares.sum() * 100 - whole.sum())
    whole[np.argsort(whole - cents, kind="stable")[:missing]] += 1
    return whole / 100


def in_pivot(opened: datetime, closed: datetime | None, as_of: datetime) -> bool:
    """Whether a pivot asks for its exploration share at the as-of: while it is open."""
    return opened < as_of and (closed is None or closed >= as_of)


def allocate(
    evidence: pd.DataFrame,
    daily: pd.DataFrame,
    pivots: Sequence[tuple[datetime, datetime | None]],
    as_of: datetime,
    settings: AllocationSettings,
) -> pd.DataFrame:
    """Share out every family of one window.

    Args:
        evidence: one row per arm with `dimension`, `value`, `successes`, `failures`,
            sorted by both names. An arm's draw depends on its family, its name, its evidence and the
            as-of alone, never on the arms beside it.
            An arm adopted within the last `incumbent_days` names the control that it `replaces`,
            that one's `former_share` (0 to 1) and `adopted_at`; all are None in the others.
        daily: what the arms brought day by day (`evidence.fold_families`); the default rule's alone.
        pivots: when each of before the as-of was opened, and closed.

    Returns:
        The rows with `draw` (the seed's rule alone), `p_best` and `expected_value` (the default's),
        `probability` (0 to 1), `allocation_pct` (sums to 100 in a family) and `is_exploration`.
    """
    families, names = (evidence[name].to_numpy() for name in ("dimension", "value"))
    successes, failures = (evidence[name].to_numpy(float) for name in ("successes", "failures"))
    draws, chances, expected = np.full((3, len(evidence)), np.nan)
    shares, percent = np.zeros((2, len(evidence)))
    explores = np.zeros(len(evidence), bool)
    pivoting = any(in_pivot(opened, closed, as_of) for opened, closed in pivots)
    exploration = settings.pivot_exploration_share if pivoting else settings.exploration_share
    beliefs: dict[str, Beliefs] = {}
    if settings.rule == "default":
        last_day = (as_of - timedelta(microseconds=1)).date()
        ages = [(last_day - opened.astimezone(UTC).date()).days for opened, _ in pivots]
        beliefs = fold_families(evidence, daily, ages, settings.weights)
    for family in pd.unique(families):
        arms = families == family
        if settings.rule == "seed":
            draws[arms] = [
                thompson_draws(s, f, seeded_rng("strategy_allocation", family, name, as_of.isoformat()))
                for name, s, f in zip(names[arms], successes[arms], failures[arms], strict=True)
            ]
            shares[arms] = ranked_shares(draws[arms], settings, exploration)
        else:
            choice = choose(beliefs[family], exploration / 100, settings)
            chances[arms], shares[arms] = choice.chances, 100 * choice.shares
            expected[arms] = np.round(np.exp(beliefs[family].mean), 9)
        adopted = evidence[arms & evidence["adopted_at"].notna().to_numpy()].sort_values("adopted_at")
        shares[arms] = install_all(shares[arms], list(names[arms]), adopted, exploration)
        explores[arms] = ranks(shares[arms]) > (1 if settings.rule == "seed" else 0)
        percent[arms] = displayed(shares[arms])
    return evidence.drop(columns=["replaces", "former_share", "adopted_at"]).assign(
        draw=draws,
        p_best=np.round(chances, 12),
        expected_value=expected,
        probability=shares / 100,
        allocation_pct=percent,
        is_exploration=explores,
    )

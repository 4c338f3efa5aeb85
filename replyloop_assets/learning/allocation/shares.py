"""How effort is shared among the values of a dimension, by the rule in force; and what is adopted.

An adopted treatment is its dimension's incumbent for 14 days (seed, Phase 4, connection 4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from replyloop_assets.learning.allocation.choice import ranks
from replyloop_assets.learning.allocation.doubt import widened
from replyloop_assets.learning.allocation.rules import rule_of
from replyloop_assets.learning.allocation.settings import AllocationSettings
from replyloop_assets.learning.comparison import Floats
from replyloop_assets.learning.lazily import pd


def install(
    shares: Floats, treatment: int, control: int | None, former_share: float, exploration: float
) -> Floats:
    """Shares in percent with an adopted treatment as the dimension's incumbent; arms on the last axis.

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
    doubt: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Share out every dimension of one window.

    Args:
        evidence: one row per arm with `dimension`, `value`, `successes`, `failures`,
            sorted by both names. An arm's draw depends on its dimension, its name, its evidence and the
            as-of alone, never on the arms beside it.
            An arm adopted within the last `incumbent_days` names the control that it `replaces`,
            that one's `former_share` (0 to 1) and `adopted_at`; all are None in the others.
        daily: what the arms brought day by day (`evidence.fold_families`).
        pivots: when each of before the as-of was opened, and closed.
        doubt: how doubtful an open pivot's change has made each dimension (`doubt.doubts`); in one that is
            not named all of the pivot's exploration is spent.

    Returns:
        The rows with `draw` (the seed's rule alone), `p_best` and `expected_value` (the default's),
        `probability` (0 to 1), `allocation_pct` (sums to 100 in a dimension) and `is_exploration`.
    """
    rule = rule_of(settings)
    dimensions, values = (evidence[name].to_numpy() for name in ("dimension", "value"))
    pivoting = any(in_pivot(opened, closed, as_of) for opened, closed in pivots)
    usual, most = settings.exploration_share, settings.pivot_exploration_share if pivoting else None
    exploration = {
        str(name): usual if most is None else widened(usual, most, doubt or {}, str(name))
        for name in pd.unique(dimensions)
    }
    last_day = (as_of - timedelta(microseconds=1)).date()
    ages = [(last_day - opened.astimezone(UTC).date()).days for opened, _ in pivots]
    shared = rule.share_out(evidence, daily, ages, as_of, exploration, settings)
    shares, percent, explores = shared.percent, np.zeros(len(evidence)), np.zeros(len(evidence), bool)
    for dimension in pd.unique(dimensions):
        of = dimensions == dimension
        adopted = evidence[of & evidence["adopted_at"].notna().to_numpy()].sort_values("adopted_at")
        shares[of] = install_all(shares[of], list(values[of]), adopted, exploration[dimension])
        explores[of] = ranks(shares[of]) >= rule.leaders
        percent[of] = displayed(shares[of])
    return evidence.drop(columns=["replaces", "former_share", "adopted_at"]).assign(
        draw=shared.draw,
        p_best=np.round(shared.p_best, 12),
        expected_value=shared.expected_value,
        probability=shares / 100,
        allocation_pct=percent,
        is_exploration=explores,
    )

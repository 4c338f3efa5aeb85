"""How effort is shared among the values of a dimension, by the rule in force; and what is adopted.

An adopted treatment is its dimension's incumbent for 14 days (seed, Phase 4, connection 4).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from replyloop_assets.learning.allocation.choice import ranks
from replyloop_assets.learning.allocation.doubt import widened
from replyloop_assets.learning.allocation.families import Asked, families_of, of_one_size
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
    """Shares in percent to two decimals that still sum to 100: cents go to the largest remainders.

    Any leading axes, arms last.
    """
    cents = shares * 100
    whole = np.floor(cents + 1e-9)
    missing = np.round(shares.sum(-1, keepdims=True) * 100 - whole.sum(-1, keepdims=True))
    return np.asarray((whole + (ranks(cents - whole) < missing)) / 100)


def allocate(
    evidence: pd.DataFrame, daily: pd.DataFrame, asked: Sequence[Asked], settings: AllocationSettings
) -> pd.DataFrame:
    """Share out every dimension of some windows.

    Args:
        evidence: one row per arm with `window` (its place in `asked`), `dimension`, `value`, `successes`,
            `failures`, sorted by the first three. An arm's draw depends on its dimension, its name, its
            evidence and the as-of alone, never on the arms beside it.
            An arm adopted within the last `incumbent_days` names the control that it `replaces`,
            that one's `former_share` (0 to 1) and `adopted_at`; all are None in the others.
        daily: what the arms brought day by day (`evidence.fold_families`).
        asked: what each window is decided with.

    Returns:
        The rows with `draw` (the seed's rule alone), `p_best` and `expected_value` (the default's),
        `probability` (0 to 1), `allocation_pct` (sums to 100 in a dimension) and `is_exploration`.
    """
    rule = rule_of(settings)
    families = families_of(evidence)
    exploration = np.array([explored(asked[one.window], one.dimension, settings) for one in families])
    values = evidence["value"].tolist()
    shared = rule.share_out(families, evidence, daily, asked, exploration, settings)
    shares, is_adopted = shared.percent, evidence["adopted_at"].notna().to_numpy(bool)
    for family, share in zip(families, exploration, strict=True):
        if is_adopted[family.rows].any():
            adopted = evidence[family.rows][is_adopted[family.rows]].sort_values("adopted_at")
            shares[family.rows] = install_all(shares[family.rows], values[family.rows], adopted, share)
    percent, explores = np.zeros(len(evidence)), np.zeros(len(evidence), bool)
    for _, rows in of_one_size(families):
        explores[rows] = ranks(shares[rows]) >= rule.leaders
        percent[rows] = displayed(shares[rows])
    return evidence.drop(columns=["replaces", "former_share", "adopted_at"]).assign(
        draw=shared.draw,
        p_best=np.round(shared.p_best, 12),
        expected_value=shared.expected_value,
        probability=shares / 100,
        allocation_pct=percent,
        is_exploration=explores,
    )


def explored(asked: Asked, dimension: str, settings: AllocationSettings) -> float:
    """The share of a dimension that explores in a window, in percent."""
    usual, most = settings.exploration_share, settings.pivot_exploration_share
    return widened(usual, most, asked.doubt, dimension) if asked.is_in_pivot else usual

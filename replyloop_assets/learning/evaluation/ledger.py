"""Policies judged by the ledger: its entries as arrays, and what each dimension's new allocation is worth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.comparison import Floats
from replyloop_assets.learning.evaluation.estimate import (
    REFUSE,
    Evaluation,
    evaluate,
    judge,
    unknown,
)
from replyloop_assets.learning.evaluation.settings import EvaluationSettings
from replyloop_assets.learning.lazily import pd

COLUMNS = (
    "dimension", "policy", "replies", "logged_followers", "policy_followers", "value_ratio",
    "interval_low", "interval_high", "lower_bound", "effective_sample_size", "verdict", "refused", "reason",
)  # fmt: skip


class Log(NamedTuple):
    """A dimension's decisions with their outcomes, in order: what `evaluate` reads, and the arms' names."""

    arms: list[str]
    offered: Floats  # (replies, arms)
    chosen: NDArray[np.intp]  # (replies,)
    y: Floats  # (replies,)


def as_log(entries: pd.DataFrame) -> Log:
    """The ledger's entries of one dimension as arrays. An entry that does not hold its own arm tells nothing.

    Args:
        entries: one row per reply with `decided_at`, `unit`, `arm`, `available` (JSON text: arm to
            probability) and `followers_gained`.
    """
    entries = entries.sort_values(["decided_at", "unit"])
    texts, which = np.unique(entries["available"].to_numpy(str), return_inverse=True)
    menus = [json.loads(text) for text in texts]
    arms = sorted({arm for menu in menus for arm in menu})
    menu_shares = np.array([[menu.get(arm, 0.0) for arm in arms] for menu in menus], float)
    at = pd.Index(arms, dtype=object).get_indexer(pd.Index(entries["arm"], dtype=object))
    offered = menu_shares.reshape(len(menus), len(arms))[which]
    held = np.flatnonzero(at >= 0)
    held = held[offered[held, at[held]] > 0]
    return Log(arms, offered[held], at[held], entries["followers_gained"].to_numpy(float)[held])


def evaluate_policy(
    log: Log, policy: Mapping[str, float], settings: EvaluationSettings
) -> tuple[Evaluation, str, str]:
    """What a policy (arm to probability) is worth, whether to adopt it, and why in a sentence."""
    target = np.array([policy.get(arm, 0.0) for arm in log.arms])
    found = evaluate(log.offered, log.chosen, log.y, target, settings)
    missing = sorted(arm for arm, share in policy.items() if share > 0 and arm not in log.arms)
    if missing and len(log.y):
        return (
            unknown(found.replies),
            REFUSE,
            f"Not enough overlap: {missing[0][:200]} was never to be had in what is logged.",
        )
    return found, *judge(found, settings)


def evaluate_policies(
    entries: pd.DataFrame, shares: pd.DataFrame, settings: EvaluationSettings
) -> pd.DataFrame:
    """The worth of each dimension's new allocation, of even shares, and of its best arm alone.

    Args:
        entries: as `as_log` reads them, with their `dimension`.
        shares: the new allocation: `dimension`, `value`, `probability`.

    Returns:
        Three rows for each dimension of the allocation, as `COLUMNS` names them.
    """
    rows: list[tuple[object, ...]] = []
    for dimension, of_dimension in shares.groupby("dimension", sort=True):
        log = as_log(entries[entries["dimension"] == dimension])
        given = dict(zip(of_dimension["value"], of_dimension["probability"].astype(float), strict=True))
        best = max(given, key=lambda arm: (given[arm], arm))
        policies = {
            "allocation": given,
            "uniform": dict.fromkeys(log.arms, 1.0),
            "best arm": {best: 1.0},
        }
        for name, policy in policies.items():
            found, verdict, reason = evaluate_policy(log, policy, settings)
            told = [float(value) for value in found]
            rows.append((dimension, name, int(told[0]), *told[1:], verdict, verdict == REFUSE, reason))
    return pd.DataFrame(rows, columns=list(COLUMNS))

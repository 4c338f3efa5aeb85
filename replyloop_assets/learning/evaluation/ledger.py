"""Policies judged by the ledger: its entries as arrays, and what each dimension's new allocation is worth."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
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

SHARED = ("dimension", "value", "probability")


class Log(NamedTuple):
    """A dimension's decisions with their outcomes, in order: what `evaluate` reads, and the arms' names."""

    arms: list[str]
    offered: Floats  # (replies, arms)
    chosen: NDArray[np.intp]  # (replies,)
    y: Floats  # (replies,)


def as_log(days: pd.DataFrame) -> Log:
    """The ledger's entries of one dimension as arrays. An entry that does not hold its own arm tells nothing.

    Args:
        days: one row per day, in order, with `menus` (JSON texts: arm to probability) and `arms`, and of each
            reply `menu` and `arm` (places in these, from 1), `decided_at` (microseconds), `followers_gained`.
    """
    seen: dict[str, int] = {}  # each menu once, however many days offered it
    which = of_replies(days["menus"], days["menu"], lambda menu: seen.setdefault(menu, len(seen)))
    menus = [json.loads(text) for text in seen]
    arms = sorted({arm for menu in menus for arm in menu})
    menu_shares = np.array([[menu.get(arm, 0.0) for arm in arms] for menu in menus], float)
    places = {arm: place for place, arm in enumerate(arms)}
    at = of_replies(days["arms"], days["arm"], lambda arm: places.get(arm, -1))
    offered = menu_shares.reshape(len(menus), len(arms))[which]
    y, decided = (
        np.concatenate([np.zeros(0, int), *days[name]]) for name in ("followers_gained", "decided_at")
    )
    held = np.argsort(decided, kind="stable")
    held = held[at[held] >= 0]
    held = held[offered[held, at[held]] > 0]
    return Log(arms, offered[held], at[held], y[held].astype(float))


def of_replies(
    names: Iterable[list[str]], places: Iterable[list[int]], number: Callable[[str], int]
) -> NDArray[np.intp]:
    """What `number` gives the name of each reply, by the lists of each day: its names, and their places."""
    days = [
        np.array([number(name) for name in of_day])[np.array(at) - 1]
        for of_day, at in zip(names, places, strict=True)
    ]
    return np.concatenate([np.zeros(0, np.intp), *days])


def evaluate_policy(
    log: Log, policy: Mapping[str, float], settings: EvaluationSettings
) -> tuple[Evaluation, str, str]:
    """What a policy (arm to probability) is worth, whether to adopt it, and why in a sentence."""
    return evaluate_side_by_side(log, [policy], settings)[0]


def evaluate_side_by_side(
    log: Log, policies: Sequence[Mapping[str, float]], settings: EvaluationSettings
) -> list[tuple[Evaluation, str, str]]:
    """The same of several policies, for little more than one costs."""
    target = np.array([[policy.get(arm, 0.0) for arm in log.arms] for policy in policies])
    found = evaluate(log.offered, log.chosen, log.y, target, settings)
    answers = []
    for policy, of_policy in zip(policies, zip(*found, strict=True), strict=True):
        one = Evaluation(*of_policy)
        missing = sorted(arm for arm, share in policy.items() if share > 0 and arm not in log.arms)
        if missing and len(log.y):
            never = f"Not enough overlap: {missing[0][:200]} was never to be had in what is logged."
            answers.append((unknown(one.replies), REFUSE, never))
        else:
            answers.append((one, *judge(one, settings)))
    return answers


def evaluate_policies(
    entries: pd.DataFrame, shares: pd.DataFrame, settings: EvaluationSettings
) -> pd.DataFrame:
    """The worth of each dimension's new allocation, of even shares, and of its best arm alone.

    Args:
        entries: the days as `as_log` reads them, with their `dimension`.
        shares: the new allocation: `dimension`, `value`, `probability`.

    Returns:
        Three rows for each dimension of the allocation, as `COLUMNS` names them.
    """
    rows: list[tuple[object, ...]] = []
    given_in: dict[str, dict[str, float]] = {}
    for dimension, arm, share in zip(*(shares[name] for name in SHARED), strict=True):
        given_in.setdefault(dimension, {})[arm] = float(share)
    of = entries["dimension"].to_numpy(object)
    for dimension, given in sorted(given_in.items()):
        log = as_log(entries.take(np.flatnonzero(of == dimension)))
        best = max(given, key=lambda arm: (given[arm], arm))
        policies = {
            "allocation": given,
            "uniform": dict.fromkeys(log.arms, 1.0),
            "best arm": {best: 1.0},
        }
        answers = evaluate_side_by_side(log, list(policies.values()), settings)
        for name, (found, verdict, reason) in zip(policies, answers, strict=True):
            told = [float(value) for value in found]
            rows.append((dimension, name, int(told[0]), *told[1:], verdict, verdict == REFUSE, reason))
    return pd.DataFrame(rows, columns=list(COLUMNS))

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

POLICIES = ("allocation", "uniform", "best arm")
MOST_CELLS = 500_000  # replies times arms that stand side by side, which bounds the memory
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


Answer = tuple[Evaluation, str, str]  # what a policy is worth, whether to adopt it, and why in a sentence


def evaluate_policy(log: Log, policy: Mapping[str, float], settings: EvaluationSettings) -> Answer:
    """What a policy (arm to probability) is worth."""
    return evaluate_logs([log], [[policy]], settings)[0][0]


def evaluate_logs(
    logs: Sequence[Log], policies: Sequence[Sequence[Mapping[str, float]]], settings: EvaluationSettings
) -> list[list[Answer]]:
    """The same of several policies of each log, as many for each; logs of one size stand side by side."""
    answers: list[list[Answer]] = [[] for _ in logs]
    alike: dict[tuple[int, ...], list[int]] = {}
    for place, log in enumerate(logs):
        alike.setdefault(log.offered.shape, []).append(place)
    for shape, all_places in alike.items():
        most = max(1, MOST_CELLS // max(1, shape[0] * shape[1]))
        for first in range(0, len(all_places), most):
            places = all_places[first : first + most]
            offered, chosen, y = (np.stack([logs[at][part] for at in places]) for part in (1, 2, 3))
            target = np.array(
                [
                    [[policies[at][number].get(arm, 0.0) for arm in logs[at].arms] for at in places]
                    for number in range(len(policies[places[0]]))
                ]
            )
            found = evaluate(offered, chosen, y, target, settings)
            for line, at in enumerate(places):
                answers[at] = [
                    answer(logs[at], policy, Evaluation(*(part[number, line] for part in found)), settings)
                    for number, policy in enumerate(policies[at])
                ]
    return answers


def answer(log: Log, policy: Mapping[str, float], found: Evaluation, settings: EvaluationSettings) -> Answer:
    """What was found of one policy, unless it wants what was never to be had."""
    missing = sorted(arm for arm, share in policy.items() if share > 0 and arm not in log.arms)
    if missing and len(log.y):
        never = f"Not enough overlap: {missing[0][:200]} was never to be had in what is logged."
        return unknown(found.replies), REFUSE, never
    return (found, *judge(found, settings))


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
    logs, policies = [], []
    for dimension, given in sorted(given_in.items()):
        log = as_log(entries.take(np.flatnonzero(of == dimension)))
        best = max(given, key=lambda arm: (given[arm], arm))
        logs.append(log)
        policies.append([given, dict.fromkeys(log.arms, 1.0), {best: 1.0}])
    for dimension, answers in zip(sorted(given_in), evaluate_logs(logs, policies, settings), strict=True):
        for name, (found, verdict, reason) in zip(POLICIES, answers, strict=True):
            told = [float(value) for value in found]
            rows.append((dimension, name, int(told[0]), *told[1:], verdict, verdict == REFUSE, reason))
    return pd.DataFrame(rows, columns=list(COLUMNS))

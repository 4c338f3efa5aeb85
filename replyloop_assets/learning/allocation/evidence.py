"""From the window's daily statistics to what is believed of each family's arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from replyloop_assets.learning.allocation.belief import USUAL, VISITED, Beliefs, believe
from replyloop_assets.learning.allocation.hurdle import Daily, fold
from replyloop_assets.learning.allocation.value import blend, converted
from replyloop_assets.learning.comparison import Floats
from replyloop_assets.learning.lazily import pd
from replyloop_assets.learning.metrics import COLUMNS, FOLLOWERS, VISITS

EACH_DAY = 28  # the newest days, folded one by one; those before them by the week
WEEK = 7
SMALL_FAMILY = 32  # arms up to which families are folded side by side
Measured = dict[tuple[str, str], Sequence[Any]]  # by family and arm: sum_y, and lists of one length
PARTS = ["n", "positives", "sum_log", "sum_log2"]


def is_sparse(followers: pd.DataFrame, least: float) -> bool:
    """Whether fewer than `least` of the replies brought any follower; of none it cannot be told."""
    n, positives = (sum(map(sum, followers[name])) for name in ("n", "positives"))
    return bool(positives < least * n)


def fold_families(
    arms: pd.DataFrame,
    daily: pd.DataFrame,
    alarm_ages: Sequence[int],
    weights: Mapping[str, float],
) -> dict[str, Beliefs]:
    """What is believed of the value of each family's arms, in the order given.

    Args:
        arms: `dimension` and `value`, the arms of a family in one piece.
        daily: one row per arm and `metric` (its column of the rollup), with the lists `age` (days before
            the window's last), `n`, `positives`, `sum_log`, `sum_log2`, and `sum_y` of the whole window.
            Where visits are among them without a weight, they stand in for followers.
        alarm_ages: how many days before the last an alarm was raised.
        weights: what one of each metric is worth.
    """
    pairs = sorted(zip(arms["dimension"], arms["value"], strict=True), key=lambda pair: pair[0])
    families = {family: [name for _, name in of] for family, of in groupby(pairs, lambda pair: pair[0])}
    columns = ["metric", "dimension", "value", "sum_y", "age", *PARTS]
    measured: dict[str, Measured] = {}
    for metric, family, name, *row in daily[columns].itertuples(index=False, name=None):
        measured.setdefault(metric, {})[family, name] = row
    steps = 1 + int(step_of(max((max(ages) for ages in daily["age"]), default=0)))
    at = np.arange(steps)[::-1]
    lengths = np.where(at < EACH_DAY, 1, WEEK)
    alarms = np.isin(at, step_of(np.array(alarm_ages, int)))
    followers, visits = FOLLOWERS.name, VISITS.name

    small = [family for family, names in families.items() if len(names) <= SMALL_FAMILY]
    found: dict[str, Beliefs] = {}
    for batch in ([small] if small else []) + [[family] for family in families if family not in small]:
        members = [families[family] for family in batch]
        known = np.arange(max(map(len, members))) < np.array([[len(names)] for names in members])
        beliefs: dict[str, Beliefs] = {}
        totals: dict[str, Floats] = {}
        replies: dict[str, Floats] = {}
        for kind, column in COLUMNS.items():
            if weights[kind] > 0 or column in measured:
                days, totals[kind] = table(measured.get(column, {}), batch, members, known, steps)
                prior = VISITED if kind == visits else USUAL
                beliefs[kind] = believe(fold(days, known, alarms, lengths, prior))
                replies[kind] = days.n.sum(-2)
        if weights[visits] == 0 and visits in beliefs and followers in beliefs:
            beliefs[followers] = converted(
                beliefs.pop(visits), totals[followers], totals[visits], replies[followers]
            )
        value = blend(beliefs, weights)
        for place, family in enumerate(batch):
            found[family] = Beliefs(*(part[place, : len(members[place])] for part in value))
    return found


def steady_days(daily: pd.DataFrame, alarm_ages: Sequence[int], window_days: int) -> int:
    """For how many days, counted back from the newest, one family's arms have been what they are.

    All of the window's, unless a change since is certain. `daily` and `alarm_ages` as in `fold_families`.
    """
    names = sorted(daily["value"])
    if not names:
        return window_days
    columns = ["value", "sum_y", "age", *PARTS]
    measured: Measured = {("", name): row for name, *row in daily[columns].itertuples(index=False, name=None)}
    steps = 1 + int(step_of(max(max(ages) for ages in daily["age"])))
    at = np.arange(steps)[::-1]
    known = np.ones((1, len(names)), bool)
    days, _ = table(measured, [""], [names], known, steps)
    alarms = np.isin(at, step_of(np.array(alarm_ages, int)))
    state = fold(days, known, alarms, np.where(at < EACH_DAY, 1, WEEK))
    steady = int(state.steady_days[0])
    return window_days if steady >= np.where(at < EACH_DAY, 1, WEEK).sum() else min(steady, window_days)


def step_of(age: ArrayLike) -> NDArray[np.intp]:
    """The step that a day lies in, counted back from the newest."""
    age = np.asarray(age, int)
    return np.where(age < EACH_DAY, age, EACH_DAY + (age - EACH_DAY) // WEEK)


def table(
    measured: Measured,
    batch: Sequence[str],
    members: Sequence[Sequence[str]],
    known: NDArray[np.bool_],
    steps: int,
) -> tuple[Daily, Floats]:
    """The statistics of a batch of families by steps, (families, steps, arms), and their totals of y."""
    parts = np.zeros((len(PARTS), len(batch), steps, known.shape[-1]))
    totals = np.zeros(known.shape)
    for place, (family, names) in enumerate(zip(batch, members, strict=True)):
        for arm, name in enumerate(names):
            if (family, name) in measured:
                total, ages, *lists = measured[family, name]
                totals[place, arm] = total
                np.add.at(parts[:, place, :, arm].T, steps - 1 - step_of(ages), np.transpose(lists))
    return Daily(*parts), totals

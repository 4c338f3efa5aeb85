"""From the daily statistics of some windows to what is believed of each family's arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from replyloop_assets.learning.allocation.belief import USUAL, VISITED, Beliefs, believe
from replyloop_assets.learning.allocation.families import Asked, Family
from replyloop_assets.learning.allocation.hurdle import Daily, fold
from replyloop_assets.learning.allocation.settings import AllocationSettings
from replyloop_assets.learning.allocation.value import blend, converted
from replyloop_assets.learning.comparison import Flags, Floats
from replyloop_assets.learning.lazily import pd
from replyloop_assets.learning.metrics import COLUMNS, FOLLOWERS, VISITS
from replyloop_assets.learning.rolling import ranked

EACH_DAY = 28  # the newest days, folded one by one; those before them by the week
WEEK = 7
# Families are folded side by side, padded to a multiple of 8 arms: numpy sums in 8 lanes, and what adds
# nothing to one changes no bit. Many windows are folded by that width; in a few, what is small goes together.
LANES, SMALL_FAMILY, MANY_WINDOWS = 8, 32, 8
PARTS = ["n", "positives", "sum_log", "sum_log2"]
SUMMED = [*PARTS, "sum_y"]


def step_of(age: ArrayLike) -> NDArray[np.intp]:
    """The step that a day lies in, counted back from the newest."""
    age = np.asarray(age, int)
    return np.where(age < EACH_DAY, age, EACH_DAY + (age - EACH_DAY) // WEEK)


def steps_of(window_days: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The steps of a window's fold, the oldest first: each one's number, and how many days it holds."""
    at = np.arange(1 + int(step_of(window_days - 1)))[::-1]
    return at, np.where(at < EACH_DAY, 1, WEEK)


def lay_out(daily: pd.DataFrame, arm: NDArray[np.intp], arms: int, asked: Sequence[Asked]) -> Floats:
    """What arms brought day by day, of one metric: shape (arms, days, fields of `SUMMED`).

    One arm more than there are, the last, brought nothing. `arm` is the place of each row's; `daily` and
    `asked` as in `fold_families`.
    """
    day = daily["day"].to_numpy(int)
    last = max([*(one.last for one in asked), day.max(initial=0)], default=0)
    sums = np.zeros((arms + 1, last + 1, len(SUMMED)))
    sums[arm, day] = daily[SUMMED]
    return sums


def cut(sums: Floats, last: int, window_days: int) -> tuple[Floats, Floats]:
    """The sums of the window that ends with that day: by step, (steps, arms, fields), and in all."""
    age = np.arange(min(window_days, last + 1))
    newest_first = sums[:, last - age]
    starts = np.flatnonzero(np.diff(step_of(age), prepend=-1))
    by_step = np.add.reduceat(newest_first, starts, axis=1)[:, ::-1]
    older = len(steps_of(window_days)[0]) - by_step.shape[1]
    return np.pad(by_step, ((0, 0), (older, 0), (0, 0))).swapaxes(0, 1), newest_first.sum(1)


def alarms_of(asked: Sequence[Asked], window_days: int) -> Flags:
    """Before which of its steps an alarm was raised, of each window; shape (windows, steps)."""
    at, _ = steps_of(window_days)
    alarms = [np.isin(at, step_of(np.array(one.pivot_ages, int))) for one in asked]
    return np.array(alarms).reshape(-1, len(at))


def fold_families(
    families: Sequence[Family],
    values: Sequence[str],
    daily: pd.DataFrame,
    asked: Sequence[Asked],
    settings: AllocationSettings,
) -> Beliefs:
    """What is believed of the value of each family's arms, in the order of `values`.

    Where fewer than `sparse_positives` of a window's replies brought a follower and visits have no weight of
    their own, visits stand in for followers.

    Args:
        values: the name of every arm, at its row.
        daily: one row per `dimension`, `value`, `metric` (its column of the rollup) and `day`, counted from
            any on, with `SUMMED`.
        asked: of each window.
    """
    weights = settings.weights
    kinds = [kind for kind in COLUMNS if weights[kind] > 0]
    may_stand_in = FOLLOWERS.name in kinds and VISITS.name not in kinds
    names, arm_of = ranked(daily, ["dimension", "value"])
    places = {name: place for place, name in enumerate(names)}
    by_step: dict[str, Floats] = {}
    totals: dict[str, Floats] = {}
    for kind in [*kinds, VISITS.name] if may_stand_in else kinds:
        is_kind = (daily["metric"] == COLUMNS[kind]).to_numpy()
        sums = lay_out(daily[is_kind], arm_of[is_kind], len(names), asked)
        found = [cut(sums, one.last, settings.window_days) for one in asked]
        by_step[kind] = np.array([steps for steps, _ in found])
        totals[kind] = np.array([total for _, total in found])
    stands_in = np.zeros(len(asked), bool)
    if may_stand_in and len(asked):
        n, hits = totals[FOLLOWERS.name][..., :2].sum(1).T
        stands_in = (hits < settings.sparse_positives * n) & (totals[VISITS.name][..., 0].sum(1) > 0)

    alarms, lengths = alarms_of(asked, settings.window_days), steps_of(settings.window_days)[1]
    batches: dict[tuple[int, bool], list[Family]] = {}
    for family in families:
        width = -(-family.arms // LANES) * LANES
        if len(asked) < MANY_WINDOWS:
            width = max(width, SMALL_FAMILY)
        batches.setdefault((width, bool(stands_in[family.window])), []).append(family)
    mean, deviation = np.zeros((2, len(values)))
    for (width, by_visits), batch in batches.items():
        arm, known = placed(batch, values, places, width)
        window = np.array([family.window for family in batch])
        beliefs: dict[str, Beliefs] = {}
        for kind in kinds:
            seen = VISITS.name if by_visits and kind == FOLLOWERS.name else kind
            cells = by_step[seen][window[:, None], :, arm]  # (families, arms, steps, fields)
            parts = np.ascontiguousarray(cells.transpose(3, 0, 2, 1))[: len(PARTS)]
            prior = VISITED if seen == VISITS.name else USUAL
            beliefs[kind] = believe(fold(Daily(*parts), known, alarms[window], lengths, prior))
            if seen != kind:
                followers, visits = (totals[one][window[:, None], arm] for one in (kind, seen))
                beliefs[kind] = converted(
                    beliefs[kind], followers[..., -1], visits[..., -1], followers[..., 0]
                )
        value = blend(beliefs, weights)
        for place, family in enumerate(batch):
            mean[family.rows], deviation[family.rows] = (part[place, : family.arms] for part in value)
    return Beliefs(mean, deviation)


def placed(
    batch: Sequence[Family], values: Sequence[str], places: Mapping[tuple[str, ...], int], width: int
) -> tuple[NDArray[np.intp], Flags]:
    """The place of each family's arms among all, the one that brought nothing where there is none."""
    arm = np.full((len(batch), width), len(places))
    known = np.arange(width) < np.array([[family.arms] for family in batch])
    for line, family in enumerate(batch):
        arm[line, : family.arms] = [
            places.get((family.dimension, name), len(places)) for name in values[family.rows]
        ]
    return arm, known


def steady_days(daily: pd.DataFrame, asked: Sequence[Asked], window_days: int) -> list[int]:
    """For how many days, counted back from its last, one family's arms in each window are what they were.

    All of the window's, unless a change since is certain. `daily` and `asked` as in `fold_families`.
    """
    names, arm = ranked(daily, ["value"])
    sums = lay_out(daily, arm, len(names), asked)
    alarms, lengths = alarms_of(asked, window_days), steps_of(window_days)[1]
    held = [window_days] * len(asked)
    by_arms: dict[int, list[int]] = {}
    by_step: dict[int, Floats] = {}
    for window, one in enumerate(asked):
        steps, total = cut(sums, one.last, window_days)
        seen = total[:, 0] > 0
        by_step[window] = steps[:, seen]
        if seen.any():
            by_arms.setdefault(int(seen.sum()), []).append(window)
    for arms, alike in by_arms.items():
        parts = np.array([by_step[window] for window in alike]).transpose(3, 0, 1, 2)[: len(PARTS)]
        state = fold(Daily(*parts), np.ones((len(alike), arms), bool), alarms[alike], lengths)
        for window, steady in zip(alike, state.steady_days.astype(int).tolist(), strict=True):
            held[window] = window_days if steady >= lengths.sum() else min(steady, window_days)
    return held

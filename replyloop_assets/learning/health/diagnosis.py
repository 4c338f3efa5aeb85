"""Where a drop comes from: which values of a dimension fell, and what a shift between them explains.

The decomposition of Kitagawa (1955; Oaxaca and Blinder in economics): the change of an average is the sum
over groups of their own change at average shares, and of the shares' change at average levels.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from replyloop_assets.learning.comparison import Flags, Floats, Moments, lower_tail, ratio, welch
from replyloop_assets.learning.health.rollup import Places

FELL = 0.001  # significance, all values together (Holm): looked at every day
MOST = 0.5  # of the drop is most of it
STANDS_OUT = 1.4  # times as large a part of the drop as of the replies
SHOWN = {
    "engagement_tier": "posts with likes of",
    "account_size": "accounts of size",
    "generator": "generator",
}


class Parts(NamedTuple):
    """What each group adds to the change of the average, shape (groups,); both together sum to it."""

    within: Floats
    mix: Floats


@dataclass(frozen=True)
class Group:
    """One value of a dimension, before and now: mean log(1 + followers), and its part in the drop.

    `share_of_drop` is by its own fall, `mix_share` by how its share of the replies moved; None where the
    average did not fall. `fell` is beyond chance, counting how many values were looked at.
    """

    dimension: str
    value: str
    replies_before: int
    replies: int
    mean_before: float | None
    mean: float | None
    share_of_replies: float
    share_of_drop: float | None
    mix_share: float | None
    p_value: float | None
    fell: bool


class Compared(NamedTuple):
    """Values of dimensions before and now, of one window after the other; arrays of shape (values,).

    `window` counts from 0; a window's values of one dimension lie together. The moments are those of
    log(1 + y).
    """

    window: Places
    dimension: Sequence[str]
    value: Sequence[str]
    before: Moments
    now: Moments

    @property
    def family(self) -> Places:
        """The number of each one's window and dimension."""
        kinds = list(zip(self.window.tolist(), self.dimension, strict=True))
        number = {kind: place for place, kind in enumerate(dict.fromkeys(kinds))}
        return np.array([number[kind] for kind in kinds], int)


def decompose(before: Moments, now: Moments, family: Places) -> Parts:
    """Within and mix of every value in its family; one missing on a side has the other side's level."""
    w0, w1 = (part.n / summed(part.n, family) for part in (before, now))
    m0 = np.where(before.n > 0, before.mean, now.mean)
    m1 = np.where(now.n > 0, now.mean, before.mean)
    m0, m1 = np.nan_to_num(m0), np.nan_to_num(m1)
    level = (summed(w0 * m0, family) + summed(w1 * m1, family)) / 2
    return Parts((w0 + w1) / 2 * (m1 - m0), (w1 - w0) * ((m0 + m1) / 2 - level))


def summed(part: Floats, family: Places) -> Floats:
    """The sum over each one's family, in the order given."""
    return np.asarray(np.bincount(family, part)[family], float)


def diagnose(groups: Compared, day_noise: Floats) -> list[list[Group]]:
    """Every value of every dimension that has replies before and now, window by window.

    `day_noise` is the variance to allow for days that differ, of a mean over the recent period: of each
    window.
    """
    family = groups.family
    kept = np.flatnonzero((summed(groups.before.n, family) > 0) & (summed(groups.now.n, family) > 0))
    before, now = (Moments(*(part[kept] for part in side)) for side in (groups.before, groups.now))
    family, window = family[kept], groups.window[kept]
    parts = decompose(before, now, family)
    p_values = fall_p_value(before, now, day_noise[window])
    change = summed(parts.within, family) + summed(parts.mix, family)
    within, mix = (ratio(part, change, change < 0) for part in parts)
    bounds = np.searchsorted(window, np.arange(len(day_noise) + 1)).tolist()
    spans = list(itertools.pairwise(bounds))
    fell = np.concatenate([np.zeros(0, bool), *(holm(p_values[start:end]) for start, end in spans)])
    columns = [
        [groups.dimension[place] for place in kept.tolist()],
        [groups.value[place] for place in kept.tolist()],
        before.n.astype(int).tolist(),
        now.n.astype(int).tolist(),
        known(before.mean),
        known(now.mean),
        (now.n / summed(now.n, family)).tolist(),
        known(within),
        known(mix),
        known(p_values),
        fell.tolist(),
    ]
    found = [Group(*row) for row in zip(*columns, strict=True)]
    return [found[start:end] for start, end in spans]


def fall_p_value(before: Moments, now: Moments, day_noise: Floats) -> Floats:
    """One-sided p-values of "now is below before" (Welch), with the noise of days; NaN where unknown."""
    t, freedom = welch(before, now)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = before.variance / before.n + now.variance / now.n
        return lower_tail(t * np.sqrt(variance / (variance + day_noise)), freedom)


def holm(p_values: Floats) -> Flags:
    """Which hypotheses fall at the level `FELL` by Holm's step-down procedure (1979)."""
    order = np.argsort(np.where(np.isnan(p_values), 1, p_values), kind="stable")
    passes = p_values[order] * np.arange(len(order), 0, -1) < FELL
    fell = np.zeros(len(order), bool)
    fell[order] = np.logical_and.accumulate(passes)
    return fell


def explain_diagnosis(groups: Sequence[Group]) -> str:
    """Where the drop comes from, in one sentence; of the dimensions, the one that tells most."""
    best, sentence = 0.0, "It is spread over all tiers, account sizes and generators."
    for dimension in dict.fromkeys(group.dimension for group in groups):
        members = [group for group in groups if group.dimension == dimension]
        if any(group.share_of_drop is None for group in members):
            return ""
        mix = sum(group.mix_share or 0 for group in members)
        top = max(members, key=lambda group: group.share_of_drop or 0)
        part = top.share_of_drop or 0
        before = sum(group.replies_before for group in members)
        told = part - top.share_of_replies
        if mix >= MOST and mix > best:
            moved = max(members, key=lambda group: group.mix_share or 0)
            was = moved.replies_before / before
            best = mix
            sentence = (
                f"{min(mix, 1):.0%} of it comes from what was answered and how, not from how well: "
                f"{SHOWN.get(dimension, dimension)} {moved.value} went from {was:.0%} to "
                f"{moved.share_of_replies:.0%} of the replies."
            )
        elif top.fell and part >= max(MOST, STANDS_OUT * top.share_of_replies) and told > best:
            best = told
            sentence = (
                f"Most of it comes from {SHOWN.get(dimension, dimension)} {top.value}: "
                f"{min(part, 1):.0%} of the drop with {top.share_of_replies:.0%} of the replies."
            )
    return sentence


def known(values: Floats) -> list[float | None]:
    """NaN is None."""
    return [None if value != value else value for value in values.tolist()]

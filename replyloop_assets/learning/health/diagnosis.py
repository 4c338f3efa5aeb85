"""Where a drop comes from: which values of a dimension fell, and what a shift between them explains.

The decomposition of Kitagawa (1955; Oaxaca and Blinder in economics): the change of an average is the sum
over groups of their own change at average shares, and of the shares' change at average levels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from replyloop_assets.learning.comparison import Flags, Floats, Moments, lower_tail, welch

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


def decompose(before: Moments, now: Moments) -> Parts:
    """Within and mix of every group; one that is missing on a side has the other side's level."""
    w0, w1 = before.n / before.n.sum(), now.n / now.n.sum()
    m0 = np.where(before.n > 0, before.mean, now.mean)
    m1 = np.where(now.n > 0, now.mean, before.mean)
    m0, m1 = np.nan_to_num(m0), np.nan_to_num(m1)
    level = ((w0 * m0).sum() + (w1 * m1).sum()) / 2
    return Parts((w0 + w1) / 2 * (m1 - m0), (w1 - w0) * ((m0 + m1) / 2 - level))


def diagnose(groups: Mapping[str, tuple[list[str], Moments, Moments]], day_noise: float) -> list[Group]:
    """Every value of every dimension, from its moments of log(1 + followers) before and now.

    `day_noise` is the variance to allow for days that differ, of a mean over the recent period.
    """
    found = [
        (dimension, values, before, now, decompose(before, now), fall_p_value(before, now, day_noise))
        for dimension, (values, before, now) in groups.items()
        if before.n.sum() and now.n.sum()
    ]
    if not found:
        return []
    fell = iter(holm(np.concatenate([p for *_, p in found])))
    answer = []
    for dimension, values, before, now, parts, p_values in found:
        change = parts.within.sum() + parts.mix.sum()
        for i, value in enumerate(values):
            share, mix = (parts.within[i] / change, parts.mix[i] / change) if change < 0 else (None, None)
            answer.append(
                Group(
                    dimension=dimension,
                    value=value,
                    replies_before=int(before.n[i]),
                    replies=int(now.n[i]),
                    mean_before=known(before.mean[i]),
                    mean=known(now.mean[i]),
                    share_of_replies=float(now.n[i] / now.n.sum()),
                    share_of_drop=known(share),
                    mix_share=known(mix),
                    p_value=known(p_values[i]),
                    fell=bool(next(fell)),
                )
            )
    return answer


def fall_p_value(before: Moments, now: Moments, day_noise: float) -> Floats:
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


def explain_diagnosis(groups: list[Group]) -> str:
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


def known(value: float | None) -> float | None:
    """NaN is None."""
    return None if value is None or np.isnan(value) else float(value)

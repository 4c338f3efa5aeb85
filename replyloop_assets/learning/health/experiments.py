"""Health without what experiments did: an adopted treatment is no recovery, a rejected one no drop.

What is watched for a drop should be what replies would have brought, had nothing been tested. The replies of
a rejected treatment are left out. What an adopted one adds is there to stay: it is taken off again, so that
it neither passes for a recovery nor hides a drop.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from replyloop_assets.learning.comparison import Floats, Moments


@dataclass(frozen=True)
class Decided:
    """An experiment that was adopted or rejected, by its id, and what replies brought; daily, shape (days,).

    `control` and `treatment` are its own replies; `of_value` all that had the value it treated with, in the
    `dimension` it tested. `started` and `ended` are the indices of its first day, which may lie before the
    first one here, and of the day that decided it.
    """

    experiment: str
    dimension: str
    control_value: str
    value: str
    adopted: bool
    started: int
    ended: int
    control: Moments
    treatment: Moments
    of_value: Moments


def decided_within(decided: Sequence[Decided], first: int, days: int) -> list[Decided]:
    """Those decided within so many days from index `first` on, as seen from these days alone.

    Of two decisions on an experiment, which late data may leave, the first one counts.

    Args:
        decided: in the order of their decisions.
    """
    held = slice(first, first + days)
    found: dict[str, Decided] = {}
    for one in decided:
        groups = [
            Moments(*(part[held] for part in group)) for group in (one.control, one.treatment, one.of_value)
        ]
        if held.start <= one.ended < held.stop and any(group.n.any() for group in groups):
            control, treatment, of_value = groups
            seen = replace(
                one,
                started=one.started - first,
                ended=one.ended - first,
                control=control,
                treatment=treatment,
                of_value=of_value,
            )
            found.setdefault(one.experiment, seen)
    return list(found.values())


def without_experiments(daily: Moments, decided: Sequence[Decided], spread: float) -> Moments:
    """The moments of log(1 + y) of all replies, shape (days,), as they would be without these experiments.

    A rejected treatment's replies are taken out. From the start of an adopted one on, what its value had
    beyond its former share of the replies is lowered by the difference that was measured; where it took the
    place of an adopted one, by both. The scatter within a day stays as it is.

    Args:
        decided: in the order of their decisions.
        spread: the SD that log lifts have among strategies.
    """
    n, total, squares = (np.asarray(part, float).copy() for part in daily)
    for one in decided:
        if not one.adopted:
            n, total, squares = (
                n - one.treatment.n,
                total - one.treatment.total,
                squares - one.treatment.squares,
            )
    scatter = squares - total**2 / np.maximum(n, 1)
    added: dict[tuple[str, str], float] = {}
    for one in decided:
        if one.adopted:
            gain = shrunk_difference(one, spread) + added.get((one.dimension, one.control_value), 0.0)
            added[one.dimension, one.value] = gain
            total = total - gain * beyond_former_share(one, daily.n)
    held = n > 0
    total = np.where(held, total, 0)
    return Moments(n, total, np.where(held, np.maximum(scatter, 0) + total**2 / np.maximum(n, 1), 0))


def shrunk_difference(one: Decided, spread: float) -> float:
    """By how much the treatment's mean of log(1 + y) was above the control's, believed as far as it is sure.

    The posterior mean under a normal prior around "no difference" (Efron and Morris 1973), whose SD is
    `spread` of the control's mean; 0 where a variance is unknown.
    """
    control, treatment = (
        Moments(*(part[: one.ended + 1].sum() for part in group)) for group in (one.control, one.treatment)
    )
    noise = sum(float(group.variance) / max(float(group.n), 1.0) for group in (control, treatment))
    prior = (spread * float(control.mean)) ** 2
    if not np.isfinite(noise) or prior + noise <= 0:
        return 0.0
    return float(treatment.mean - control.mean) * prior / (prior + noise)


def beyond_former_share(one: Decided, replies: Floats) -> Floats:
    """How many replies of each day since the start had the value beyond its former share, shape (days,)."""
    before = np.arange(len(replies)) < one.started
    former = one.of_value.n[before].sum() / max(replies[before].sum(), 1)
    return np.where(before, 0.0, one.of_value.n - former * replies)


def explain_experiments(decided: Sequence[Decided]) -> str:
    """What was left out, in words; nothing where there was nothing."""
    adopted, rejected = (
        sorted({one.value for one in decided if one.adopted is kind}) for kind in (True, False)
    )
    parts = [f"what adopting {', '.join(adopted)} adds"] if adopted else []
    parts += [f"the replies that tested {', '.join(rejected)}"] if rejected else []
    return f"Left out: {' and '.join(parts)}." if parts else ""

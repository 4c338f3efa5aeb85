"""Control against treatment, one look a day, until a decision: what a look saw and what it decides."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.comparison import Floats
from replyloop_assets.learning.experiments.lift import Lift

CONTINUE, ADOPT, REJECT = "continue_testing", "adopt", "reject"


@dataclass(frozen=True)
class ExperimentSettings:
    """How an experiment is judged: by which rule, on which statistic, against which gates.

    The seed's numbers: samples per group, improvement in percent, significance level. The default rule adds
    the level at which harm is found, the quantile that the capped statistic caps at, and the spread (SD of
    the logarithm) that lifts have among strategies, by which reported lifts are shrunk.

    A sound assignment is taken for broken with a chance of at most `sample_ratio_p` over the horizon.
    Before the start it is told whether a lift of `detect_lift` is found with this `power`. Suggestions come
    from the strategies of `suggest_families` whose test is expected to bring at least
    `min_information_value` (0.01 is 1% more followers), while fewer than `max_open` are open.
    """

    rule: str = "default"  # a name of `rules.RULES`
    statistic: Literal["log1p", "capped"] = "log1p"
    min_samples: int = 30
    min_improvement_pct: float = 20
    significance: float = 0.05
    harm_significance: float = 0.07
    horizon_days: int = 60
    cap_quantile: float = 0.99
    lift_spread: float = 0.3
    sample_ratio_p: float = 0.001
    detect_lift: float = 0.5
    power: float = 0.8
    suggest_families: tuple[str, ...] = ("generator", "format")
    suggest_window_days: int = 30
    min_information_value: float = 0.01
    max_open: int = 2


class Looks(NamedTuple):
    """What the seed's test saw and says at each look; arrays of the shape of the counts."""

    improvement_pct: Floats
    p_value: Floats
    significant: NDArray[np.bool_]
    decision: NDArray[np.str_]


class Figures(NamedTuple):
    """What each look saw; arrays of the shape of the counts.

    `welch` is the seed's look at the outcomes, whichever rule decides. `p_value` is one-sided, of this look
    by itself: it decides by comparison with the bound's, not with 5%. Bounds are infinite where a look tests
    nothing.
    """

    welch: Looks
    lift: Lift
    statistic: Floats
    adopt_bound: Floats
    reject_bound: Floats
    p_value: Floats


class Verdicts(NamedTuple):
    """What each look saw, as in `Figures`, and what the rule in force decided."""

    welch: Looks
    lift: Lift
    statistic: Floats
    adopt_bound: Floats
    reject_bound: Floats
    p_value: Floats
    significant: NDArray[np.bool_]
    decision: NDArray[np.str_]


def first_decision(decision: NDArray[np.str_]) -> NDArray[np.intp]:
    """Index along the last axis of the first look that decided; the number of looks if none did."""
    decided = decision != CONTINUE
    first: NDArray[np.intp] = decided.argmax(axis=-1)
    return np.where(decided.any(axis=-1), first, decision.shape[-1])


def ending(verdicts: Verdicts, at: int, settings: ExperimentSettings) -> str:
    """What is added to the reason of a look that is the last and decided nothing."""
    over = at + 1 >= settings.horizon_days and str(verdicts.decision[at]) == CONTINUE
    return f" The planned {settings.horizon_days} days are over: inconclusive." if over else ""

"""Control against treatment, one look a day, until a decision: what a look saw and what it decides."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.comparison import Floats
from replyloop_assets.learning.experiments.lift import Lift
from replyloop_assets.learning.experiments.settings import ExperimentSettings

CONTINUE, ADOPT, REJECT = "continue_testing", "adopt", "reject"


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

"""Control against treatment, one look a day, until a decision: the seed's rule, and the settings of both.

Seed, Phase 3.1 (ExperimentManager.evaluateExperiment): 30 samples per group, a p-value, and at least
20% better to adopt. A significant loss is a rejection; anything else goes on.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.comparison import Floats, Moments, ratio, two_sided, welch
from replyloop_assets.learning.experiments.settings import ExperimentSettings

CONTINUE, ADOPT, REJECT = "continue_testing", "adopt", "reject"


class Looks(NamedTuple):
    """What each look saw and said; arrays of the shape of the counts."""

    improvement_pct: Floats
    p_value: Floats
    significant: NDArray[np.bool_]
    decision: NDArray[np.str_]


def look(control: Moments, treatment: Moments, settings: ExperimentSettings) -> Looks:
    """Judge cumulative counts, each look by itself.

    Args:
        control, treatment: cumulative moments of followers per reply; any leading axes, looks last.

    Returns:
        improvement in percent of the control's mean (NaN where that is 0), Welch's two-sided p, and
        the decision: adopt, reject or continue_testing.
    """
    t, freedom = welch(control, treatment)
    p_value = two_sided(t, freedom)
    base = control.mean
    # rounded, lest the last bit decide a gate that is reached exactly
    improvement = np.round(ratio(100 * (treatment.mean - base), base, base > 0), 9)
    enough = (control.n >= settings.min_samples) & (treatment.n >= settings.min_samples)
    significant = enough & (p_value < settings.significance)
    decision = np.select(
        [
            significant & (improvement >= settings.min_improvement_pct),
            significant & (improvement < 0),
        ],
        [ADOPT, REJECT],
        CONTINUE,
    )
    return Looks(improvement, p_value, significant, decision)


def first_decision(decision: NDArray[np.str_]) -> NDArray[np.intp]:
    """Index along the last axis of the first look that decided; the number of looks if none did."""
    decided = decision != CONTINUE
    first: NDArray[np.intp] = decided.argmax(axis=-1)
    return np.where(decided.any(axis=-1), first, decision.shape[-1])


def explain(looks: Looks, at: int, n_control: float, n_treatment: float, settings: ExperimentSettings) -> str:
    """The reason of one look's decision, in words."""
    if min(n_control, n_treatment) < settings.min_samples:
        return (
            f"{n_control:.0f} control and {n_treatment:.0f} treatment outcomes: "
            f"{settings.min_samples} of each are needed."
        )
    if np.isnan(looks.improvement_pct[at]) and not np.isnan(looks.p_value[at]):
        return "Control gained nothing yet: there is no percentage to compare by."
    if np.isnan(looks.p_value[at]):
        return "The outcomes do not vary yet: there is nothing to compare."
    words = f"Treatment {looks.improvement_pct[at]:+.0f}% against control, p = {looks.p_value[at]:.3f}"
    return {
        ADOPT: f"{words}: better by at least {settings.min_improvement_pct:g}%, and significant.",
        REJECT: f"{words}: significantly worse.",
        CONTINUE: f"{words}: not yet decided.",
    }[str(looks.decision[at])]

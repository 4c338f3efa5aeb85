"""The seed's rule, Phase 3.1 (ExperimentManager.evaluateExperiment), each day anew.

30 samples per group, Welch's p-value, and at least 20% better to adopt. A significant loss is a rejection;
anything else goes on.
"""

from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.comparison import Floats, Moments, ratio, two_sided, welch
from replyloop_assets.learning.experiments.design import MOST_LIFT, Design, Outcomes
from replyloop_assets.learning.experiments.looks import (
    ADOPT,
    CONTINUE,
    REJECT,
    Figures,
    Looks,
    Verdicts,
    ending,
)
from replyloop_assets.learning.experiments.settings import ExperimentSettings


class Seed:
    """Every day's test by itself, on plain followers."""

    name = "seed"
    caution = (
        " That is the last day's look alone: as every day's look may decide, it decides oftener than that, "
        "also where nothing is better."
    )

    def decide(
        self, figures: Figures, settings: ExperimentSettings
    ) -> tuple[NDArray[np.bool_], NDArray[np.str_]]:
        """Whether each look is significant, and its decision."""
        return figures.welch.significant, figures.welch.decision

    def reported(self, verdicts: Verdicts) -> Floats:
        """The improvement that each look reports, in percent: as measured."""
        return verdicts.welch.improvement_pct

    def explain(
        self, verdicts: Verdicts, at: int, n_control: float, n_treatment: float, settings: ExperimentSettings
    ) -> str:
        """The reason of one look's decision, in words."""
        return explain(verdicts.welch, at, n_control, n_treatment, settings) + ending(verdicts, at, settings)

    def power(self, outcomes: Outcomes, design: Design, lift: float, settings: ExperimentSettings) -> float:
        """The chance that the last look adopts this lift: the less of the test's and of the gate's.

        The test's is that of a t-test with Welch's error (statsmodels' TTestIndPower on the effect that gives
        its noncentrality); the gate's that the measured improvement reaches the least one. Both are normal
        theory: with tails such as replies have it is right to about .15.
        """
        from scipy.special import ndtr
        from statsmodels.stats.power import TTestIndPower  # type: ignore[import-untyped]

        control, treatment = design.sizes
        if min(control, treatment) < settings.min_samples:
            return 0.0
        (base, base_variance), (other, variance) = (
            outcomes.lifted(by).moments(lambda sizes: sizes) for by in (0.0, lift)
        )
        error = sqrt(base_variance / control + variance / treatment)
        effect = (other - base) / (error / sqrt(1 / control + 1 / treatment))
        tested = TTestIndPower().power(
            effect, control, settings.significance / 2, treatment / control, alternative="larger"
        )
        least = 1 + settings.min_improvement_pct / 100
        spread = sqrt(least**2 * base_variance / control + variance / treatment)
        return min(float(tested), float(ndtr((other - least * base) / spread)))

    def least_lift(self, outcomes: Outcomes, design: Design, settings: ExperimentSettings) -> float:
        """The least lift that the last look adopts with `settings.power`; infinite where none is."""
        from scipy.optimize import brentq

        def lacking(lift: float) -> float:
            return self.power(outcomes, design, lift, settings) - settings.power

        return inf if lacking(MOST_LIFT) < 0 else float(brentq(lacking, 1e-6, MOST_LIFT, xtol=1e-4))


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

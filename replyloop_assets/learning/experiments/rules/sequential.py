"""The default rule: two one-sided group-sequential tests, of gain and of harm, and the shrunk lift's gate.

O'Brien-Fleming spending by the calendar; each test is valid whatever the other does. To adopt, each group
must hold `min_samples` and the shrunk lift reach `min_improvement_pct`; to reject, harm must be found.
"""

from math import exp, inf, log, sqrt

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.comparison import Floats
from replyloop_assets.learning.experiments.design import MOST_LIFT, Design, Outcomes
from replyloop_assets.learning.experiments.looks import (
    ADOPT,
    CONTINUE,
    REJECT,
    Figures,
    Verdicts,
    ending,
)
from replyloop_assets.learning.experiments.sequential import (
    crossing_probabilities,
    obrien_fleming_spending,
    upper_bounds,
)
from replyloop_assets.learning.experiments.settings import ExperimentSettings


class Sequential:
    """All looks together share the error that one may make."""

    name = "default"
    caution = ""

    def decide(
        self, figures: Figures, settings: ExperimentSettings
    ) -> tuple[NDArray[np.bool_], NDArray[np.str_]]:
        """Whether each look found gain or harm, and its decision."""
        better = figures.statistic >= figures.adopt_bound
        worse = figures.statistic <= figures.reject_bound
        enough = figures.lift.pct >= settings.min_improvement_pct
        return better | worse, np.select([better & enough, worse], [ADOPT, REJECT], CONTINUE)

    def reported(self, verdicts: Verdicts) -> Floats:
        """The improvement that each look reports, in percent: the shrunk lift."""
        return verdicts.lift.pct

    def explain(
        self, verdicts: Verdicts, at: int, n_control: float, n_treatment: float, settings: ExperimentSettings
    ) -> str:
        """The reason of one look's verdict, in words."""
        end = ending(verdicts, at, settings)
        if min(n_control, n_treatment) < settings.min_samples:
            return (
                f"{n_control:.0f} control and {n_treatment:.0f} treatment outcomes: "
                f"{settings.min_samples} of each are needed.{end}"
            )
        z, low, high = (
            float(part[at]) for part in (verdicts.statistic, verdicts.reject_bound, verdicts.adopt_bound)
        )
        if np.isnan(z):
            return f"The outcomes do not vary yet: there is nothing to compare.{end}"
        middle, least, most = (float(part[at]) for part in verdicts.lift)
        words = f"Treatment {middle:+.0f}% against control (likely {least:+.0f}% to {most:+.0f}%)"
        if not np.isfinite(high):
            return f"{words}: too early to decide.{end}"
        if z <= low:
            return f"{words}: worse, z = {z:.2f} is beyond this look's bound {low:.2f}."
        if z < high:
            return (
                f"{words}: not yet decided, z = {z:.2f} is between the bounds {low:.2f} and {high:.2f}.{end}"
            )
        gate = f"at least {settings.min_improvement_pct:g}%"
        beyond = f"z = {z:.2f} is beyond this look's bound {high:.2f}"
        if str(verdicts.decision[at]) == ADOPT:
            return f"{words}: better by {gate}, and {beyond}."
        return f"{words}: better, {beyond}, but not by {gate}.{end}"

    def power(self, outcomes: Outcomes, design: Design, lift: float, settings: ExperimentSettings) -> float:
        """The chance that the sequential test on log(1 + y) finds this lift within the plan's days."""
        control, treatment = design.per_day * (1 - design.share), design.per_day * design.share
        days = np.arange(1, design.days + 1)
        enough = days * min(control, treatment) >= settings.min_samples
        if not enough[-1]:
            return 0.0
        information = np.where(enough, days, 0).astype(float)
        spent = obrien_fleming_spending(days / design.days, settings.significance)
        bounds = upper_bounds(information, spent)
        (base, base_variance), (other, variance) = (outcomes.lifted(by).moments() for by in (0.0, lift))
        error = sqrt((base_variance / control + variance / treatment) / design.days)
        return float(crossing_probabilities(information, bounds, (other - base) / error).sum())

    def least_lift(self, outcomes: Outcomes, design: Design, settings: ExperimentSettings) -> float:
        """The least lift adopted with `settings.power`; infinite where none is.

        Two hurdles stand: the test must find it, and the shrunk lift must reach the least improvement.
        """
        from scipy.optimize import brentq
        from scipy.special import ndtri

        def lacking(lift: float) -> float:
            return self.power(outcomes, design, lift, settings) - settings.power

        if lacking(MOST_LIFT) < 0:
            return inf
        found = float(brentq(lacking, 1e-6, MOST_LIFT, xtol=1e-4))
        per_reply = (1 - outcomes.positive + outcomes.log_variance) / outcomes.positive
        noise = per_reply / (design.per_day * design.days) * (1 / design.share + 1 / (1 - design.share))
        trust = settings.lift_spread**2 / (settings.lift_spread**2 + noise)
        gate = log(1 + settings.min_improvement_pct / 100) / trust + float(ndtri(settings.power)) * sqrt(
            noise
        )
        return max(found, exp(gate) - 1)


def bounds_of(n_control: Floats, n_treatment: Floats, settings: ExperimentSettings) -> tuple[Floats, Floats]:
    """The bounds of z beyond which a look finds gain and harm, by the groups' cumulative sizes.

    What is spent follows the calendar, so that it needs no forecast of the volume; what is known follows
    the sizes.
    """
    enough = np.minimum(n_control, n_treatment) >= settings.min_samples
    information = np.where(enough, n_control * n_treatment / np.maximum(n_control + n_treatment, 1), 0)
    fraction = np.arange(1, n_control.shape[-1] + 1) / settings.horizon_days
    gain, harm = (
        upper_bounds(information, obrien_fleming_spending(fraction, level))
        for level in (settings.significance, settings.harm_significance)
    )
    return gain, -harm

"""Each look's verdict by the rule in force: group-sequential on log followers, or the seed's."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.comparison import Evidence, Floats, Moments, balanced_z, capped
from replyloop_assets.learning.experiments.lift import Lift, shrunk_lift
from replyloop_assets.learning.experiments.looks import (
    ADOPT,
    CONTINUE,
    REJECT,
    Looks,
    explain,
    look,
)
from replyloop_assets.learning.experiments.sequential import obrien_fleming_spending, upper_bounds
from replyloop_assets.learning.experiments.settings import ExperimentSettings


class Verdicts(NamedTuple):
    """What each look saw and decided; arrays of the shape of the counts.

    `welch` is the seed's look at the same outcomes, whichever rule decides. `p_value` is one-sided, of this
    look by itself: it decides by comparison with the bound's, not with 5%. Bounds are infinite where a look
    tests nothing.
    """

    welch: Looks
    lift: Lift
    statistic: Floats
    adopt_bound: Floats
    reject_bound: Floats
    p_value: Floats
    significant: NDArray[np.bool_]
    decision: NDArray[np.str_]


def judge(control: Evidence, treatment: Evidence, settings: ExperimentSettings) -> Verdicts:
    """Judge the cumulative evidence of consecutive days, the first day's look first.

    Default rule: two one-sided group-sequential tests with O'Brien-Fleming spending by the calendar, one of
    gain and one of harm, each valid whatever the other does. To adopt, each group must hold `min_samples`
    and the shrunk lift reach `min_improvement_pct`; to reject, harm must be found.

    Args:
        control, treatment: any leading axes, looks last.
    """
    from scipy.special import ndtr

    welch = look(control.followers, treatment.followers, settings)
    lift = shrunk_lift(control, treatment, settings.lift_spread)
    compared = compared_moments(control, treatment, settings)
    statistic = np.round(balanced_z(*compared), 9)
    adopt_bound, reject_bound = bounds_of(control.followers.n, treatment.followers.n, settings)
    better, worse = statistic >= adopt_bound, statistic <= reject_bound
    enough = lift.pct >= settings.min_improvement_pct
    significant, decision = better | worse, np.select([better & enough, worse], [ADOPT, REJECT], CONTINUE)
    if settings.rule == "seed":
        significant, decision = welch.significant, welch.decision
    p_value = ndtr(-statistic)
    return Verdicts(welch, lift, statistic, adopt_bound, reject_bound, p_value, significant, decision)


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


def compared_moments(
    control: Evidence, treatment: Evidence, settings: ExperimentSettings
) -> tuple[Moments, Moments]:
    """The moments of what is compared: log(1 + y), or y capped at a quantile of both together."""
    if settings.statistic == "log1p":
        return control.log1p, treatment.log1p
    first, second = capped([control, treatment], settings.cap_quantile)
    return first, second


def explain_verdict(
    verdicts: Verdicts, at: int, n_control: float, n_treatment: float, settings: ExperimentSettings
) -> str:
    """The reason of one look's verdict, in words."""
    over = at + 1 >= settings.horizon_days and str(verdicts.decision[at]) == CONTINUE
    end = f" The planned {settings.horizon_days} days are over: inconclusive." if over else ""
    if settings.rule == "seed":
        return explain(verdicts.welch, at, n_control, n_treatment, settings) + end
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
        return f"{words}: not yet decided, z = {z:.2f} is between the bounds {low:.2f} and {high:.2f}.{end}"
    gate = f"at least {settings.min_improvement_pct:g}%"
    beyond = f"z = {z:.2f} is beyond this look's bound {high:.2f}"
    if str(verdicts.decision[at]) == ADOPT:
        return f"{words}: better by {gate}, and {beyond}."
    return f"{words}: better, {beyond}, but not by {gate}.{end}"

"""Each look's figures, and the verdict on them by the rule in force."""

import numpy as np

from replyloop_assets.learning.comparison import Evidence, Moments, balanced_z, capped
from replyloop_assets.learning.experiments.lift import shrunk_lift
from replyloop_assets.learning.experiments.looks import Figures, Verdicts
from replyloop_assets.learning.experiments.rules import rule_of
from replyloop_assets.learning.experiments.rules.seed import look
from replyloop_assets.learning.experiments.rules.sequential import bounds_of
from replyloop_assets.learning.experiments.settings import ExperimentSettings


def judge(control: Evidence, treatment: Evidence, settings: ExperimentSettings) -> Verdicts:
    """Judge the cumulative evidence of consecutive days, the first day's look first.

    Args:
        control, treatment: any leading axes, looks last.
    """
    from scipy.special import ndtr

    statistic = np.round(balanced_z(*compared_moments(control, treatment, settings)), 9)
    figures = Figures(
        look(control.followers, treatment.followers, settings),
        shrunk_lift(control, treatment, settings.lift_spread),
        statistic,
        *bounds_of(control.followers.n, treatment.followers.n, settings),
        ndtr(-statistic),
    )
    return Verdicts(*figures, *rule_of(settings).decide(figures, settings))


def compared_moments(
    control: Evidence, treatment: Evidence, settings: ExperimentSettings
) -> tuple[Moments, Moments]:
    """The moments of what is compared: log(1 + y), or y capped at a quantile of both together."""
    if settings.statistic == "log1p":
        return control.log1p, treatment.log1p
    first, second = capped([control, treatment], settings.cap_quantile)
    return first, second

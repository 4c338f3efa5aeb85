"""What an experiment can find before it starts: the least lift that it adopts with the power asked for."""

from dataclasses import dataclass, replace
from math import exp, inf, log, sqrt

import numpy as np

from replyloop_assets.learning.comparison import Moments
from replyloop_assets.learning.experiments.lift import LOG_VARIANCE
from replyloop_assets.learning.experiments.sequential import (
    crossing_probabilities,
    obrien_fleming_spending,
    upper_bounds,
)
from replyloop_assets.learning.experiments.settings import ExperimentSettings

MOST_LIFT = 20.0  # +2000%: beyond it, nothing is found
LIKELIEST = 0.95  # a reply that brings any


@dataclass(frozen=True)
class Plan:
    """An experiment to come: replies a day, the treatment's share of them, and its longest duration."""

    per_day: float
    share: float
    days: int


@dataclass(frozen=True)
class Outcomes:
    """What replies bring: the chance of any, and mean and variance of the log of how many."""

    positive: float
    log_mean: float
    log_variance: float

    @classmethod
    def of(cls, n: float, positive: Moments) -> "Outcomes":
        """As they were lately: of `n` replies, with the moments of log y over y > 0, at least one."""
        variance = float(positive.variance) if positive.n > 2 else LOG_VARIANCE
        return cls(float(positive.n) / n, float(positive.mean), variance)

    def lifted(self, lift: float) -> "Outcomes":
        """A lift spread evenly over how often and how many, on the log scale."""
        positive = max(self.positive, min(self.positive * sqrt(1 + lift), LIKELIEST))
        return replace(
            self, positive=positive, log_mean=self.log_mean + log((1 + lift) * self.positive / positive)
        )

    def log1p_moments(self) -> tuple[float, float]:
        """Mean and variance of log(1 + y), by Gauss-Hermite quadrature over the sizes."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(40)
        sizes = np.maximum(np.exp(self.log_mean + sqrt(self.log_variance) * nodes), 1)
        weights = weights / weights.sum()
        first, second = (self.positive * float(weights @ np.log1p(sizes) ** power) for power in (1, 2))
        return first, second - first**2


TYPICAL = Outcomes(positive=0.4, log_mean=1.68, log_variance=1.69)  # 5 followers a reply


def find_power(outcomes: Outcomes, plan: Plan, lift: float, settings: ExperimentSettings) -> float:
    """The chance that the sequential test on log(1 + y) finds this lift within the plan's days."""
    control, treatment = plan.per_day * (1 - plan.share), plan.per_day * plan.share
    days = np.arange(1, plan.days + 1)
    enough = days * min(control, treatment) >= settings.min_samples
    if not enough[-1]:
        return 0.0
    information = np.where(enough, days, 0).astype(float)
    spent = obrien_fleming_spending(days / plan.days, settings.significance)
    bounds = upper_bounds(information, spent)
    (base, base_variance), (other, variance) = (outcomes.lifted(by).log1p_moments() for by in (0.0, lift))
    error = sqrt((base_variance / control + variance / treatment) / plan.days)
    return float(crossing_probabilities(information, bounds, (other - base) / error).sum())


def detectable_lift(outcomes: Outcomes, plan: Plan, settings: ExperimentSettings) -> float:
    """The least lift adopted with `settings.power`; infinite where none is.

    Two hurdles stand: the test must find it, and the shrunk lift must reach the least improvement.
    """
    from scipy.optimize import brentq
    from scipy.special import ndtri

    def lacking(lift: float) -> float:
        return find_power(outcomes, plan, lift, settings) - settings.power

    if lacking(MOST_LIFT) < 0:
        return inf
    found = float(brentq(lacking, 1e-6, MOST_LIFT, xtol=1e-4))
    per_reply = (1 - outcomes.positive + outcomes.log_variance) / outcomes.positive
    noise = per_reply / (plan.per_day * plan.days) * (1 / plan.share + 1 / (1 - plan.share))
    trust = settings.lift_spread**2 / (settings.lift_spread**2 + noise)
    gate = log(1 + settings.min_improvement_pct / 100) / trust + float(ndtri(settings.power)) * sqrt(noise)
    return max(found, exp(gate) - 1)


def better_plan(outcomes: Outcomes, plan: Plan, lift: float, settings: ExperimentSettings) -> Plan | None:
    """The nearest plan that finds this lift: more treatment first, up to half; then more days, up to 365."""
    shares = [share for share in (0.2, 0.3, 0.4, 0.5) if share > plan.share]
    longer = [days for days in (30, 60, 90, 120, 180, 365) if days > plan.days]
    plans = [replace(plan, share=share) for share in shares]
    plans += [replace(plan, share=max(plan.share, 0.5), days=days) for days in longer]
    return next((one for one in plans if detectable_lift(outcomes, one, settings) <= lift), None)


@dataclass(frozen=True)
class Prospect:
    """The least lift that a plan finds with the power asked for.

    Where that is more than was looked for: the chance of finding that, and a plan that would.
    """

    plan: Plan
    least_lift: float
    looked_for: float
    power: float
    chance: float | None
    better: Plan | None

    @property
    def statement(self) -> str:
        """What is found, in words."""
        about = f"{self.plan.per_day:.0f} replies a day, {self.plan.share:.0%} treated, {self.plan.days} days"
        if not np.isfinite(self.least_lift):
            return f"With {about}: no lift is found reliably."
        return f"With {about}: a lift of {self.least_lift:+.0%} is found with a chance of {self.power:.0%}."

    @property
    def warning(self) -> str | None:
        """That what is looked for will likely stay unfound, and what would help."""
        if self.chance is None:
            return None
        words = f"A lift of {self.looked_for:+.0%} is found with a chance of {self.chance:.0%} only"
        if self.better is None:
            return f"{words}, and no split finds it within a year: more replies are needed."
        return f"{words}; {self.better.share:.0%} treated over {self.better.days} days would find it."


def state_power(outcomes: Outcomes, plan: Plan, lift: float, settings: ExperimentSettings) -> Prospect:
    """What the plan finds, and where that is less than `lift`, which plan would find it."""
    least = detectable_lift(outcomes, plan, settings)
    if least <= lift:
        return Prospect(plan, least, lift, settings.power, None, None)
    chance = find_power(outcomes, plan, lift, settings)
    better = better_plan(outcomes, plan, lift, settings)
    return Prospect(plan, least, lift, settings.power, chance, better)

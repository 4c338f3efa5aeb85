"""What an experiment can find before it starts: the least lift that its rule adopts with the power asked."""

from dataclasses import dataclass, replace

import numpy as np

from replyloop_assets.learning.experiments.design import Design, Outcomes
from replyloop_assets.learning.experiments.rules import rule_of
from replyloop_assets.learning.experiments.settings import ExperimentSettings


def better_design(
    outcomes: Outcomes, design: Design, lift: float, settings: ExperimentSettings
) -> Design | None:
    """The nearest design that finds this lift: more treatment, up to half; then more days, up to 365."""
    shares = [share for share in (0.2, 0.3, 0.4, 0.5) if share > design.share]
    longer = [days for days in (30, 60, 90, 120, 180, 365) if days > design.days]
    designs = [replace(design, share=share) for share in shares]
    designs += [replace(design, share=max(design.share, 0.5), days=days) for days in longer]
    rule = rule_of(settings)
    return next((one for one in designs if rule.least_lift(outcomes, one, settings) <= lift), None)


@dataclass(frozen=True)
class Prospect:
    """The least lift that a design finds with the power asked for.

    Where that is more than was looked for: the chance of finding that, and a design that would.
    """

    design: Design
    least_lift: float
    looked_for: float
    power: float
    chance: float | None
    better: Design | None
    caution: str = ""

    @property
    def statement(self) -> str:
        """What is found, in words."""
        one = self.design
        about = f"{one.per_day:.0f} replies a day, {one.share:.0%} treated, {one.days} days"
        if not np.isfinite(self.least_lift):
            return f"With {about}: no lift is found reliably.{self.caution}"
        found = f"a lift of {self.least_lift:+.0%} is found with a chance of {self.power:.0%}."
        return f"With {about}: {found}{self.caution}"

    @property
    def warning(self) -> str | None:
        """That what is looked for will likely stay unfound, and what would help."""
        if self.chance is None:
            return None
        words = f"A lift of {self.looked_for:+.0%} is found with a chance of {self.chance:.0%} only"
        if self.better is None:
            return f"{words}, and no split finds it within a year: more replies are needed."
        return f"{words}; {self.better.share:.0%} treated over {self.better.days} days would find it."


def state_power(outcomes: Outcomes, design: Design, lift: float, settings: ExperimentSettings) -> Prospect:
    """What the design finds, and where that is less than `lift`, which one would find it."""
    rule = rule_of(settings)
    least = rule.least_lift(outcomes, design, settings)
    if least <= lift:
        return Prospect(design, least, lift, settings.power, None, None, rule.caution)
    chance = rule.power(outcomes, design, lift, settings)
    better = better_design(outcomes, design, lift, settings)
    return Prospect(design, least, lift, settings.power, chance, better, rule.caution)

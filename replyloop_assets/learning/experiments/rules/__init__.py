"""The rules by which a look decides. A new one is a file beside these, and a line in `RULES`."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.comparison import Floats
from replyloop_assets.learning.experiments.design import Design, Outcomes
from replyloop_assets.learning.experiments.looks import Figures, Verdicts
from replyloop_assets.learning.experiments.rules.seed import Seed
from replyloop_assets.learning.experiments.rules.sequential import Sequential
from replyloop_assets.learning.experiments.settings import ExperimentSettings


class Rule(Protocol):
    """What a rule of experiments does.

    `name` is what the setting and the tables call it, `caution` what must be said beside its power.
    """

    name: str
    caution: str

    def decide(
        self, figures: Figures, settings: ExperimentSettings
    ) -> tuple[NDArray[np.bool_], NDArray[np.str_]]:
        """Whether each look is significant, and its decision: adopt, reject or continue_testing."""

    def reported(self, verdicts: Verdicts) -> Floats:
        """The improvement that each look reports, in percent of the control's mean."""

    def explain(
        self, verdicts: Verdicts, at: int, n_control: float, n_treatment: float, settings: ExperimentSettings
    ) -> str:
        """The reason of one look's verdict, in words."""

    def power(self, outcomes: Outcomes, design: Design, lift: float, settings: ExperimentSettings) -> float:
        """The chance that it adopts a treatment of this true lift within the design's days."""

    def least_lift(self, outcomes: Outcomes, design: Design, settings: ExperimentSettings) -> float:
        """The least lift that it adopts with `settings.power`; infinite where none is."""


RULES: dict[str, Rule] = {rule.name: rule for rule in (Sequential(), Seed())}


def rule_of(settings: ExperimentSettings) -> Rule:
    """The rule in force."""
    return RULES[settings.rule]

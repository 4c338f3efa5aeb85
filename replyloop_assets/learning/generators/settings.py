"""Which generator writes: the settings of both rules."""

from typing import Self

from pydantic import model_validator

from replyloop_assets.learning.fields import Component, count, days, setting, share


class GeneratorSettings(Component):
    """Which generator writes the reply to an account."""

    rule: str = setting("default", "Which rule decides, by its name in `rules`.")
    window_days: int = days(90, "How far back the evidence goes.")
    use_confidence: float = share(0.7, "The confidence above which an account's best generator is used.")
    caution_confidence: float = share(0.4, "The confidence above which that generator is used with caution.")
    full_confidence_samples: int = count(30, "How many replies make the confidence 1.", "replies", least=1)
    default_generator: str = setting(
        "ResearchSynthesizer",
        "The generator that writes where nothing is known.",
        min_length=1,
        max_length=200,
        pattern=r"\S",
    )
    exploration_share: float = share(0.10, "The share that always explores.", lt=1)
    temper: float = setting(
        0.4, "What the posterior's standard deviations are scaled by.", "a factor", gt=0, le=10
    )
    default_advantage: float = setting(
        0.05,
        "The head start of the default generator, before evidence.",
        "logarithm of followers",
        ge=-3,
        le=3,
    )
    pivot_evidence_kept: float = share(
        0.15, "What a reply of before the drop counts after a pivot, as a part of one."
    )

    @model_validator(mode="after")
    def check_together(self) -> Self:
        """The bands lie one above the other."""
        self.require_order("caution_confidence", "use_confidence")
        return self

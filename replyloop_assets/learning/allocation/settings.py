"""How effort is shared: the settings of both rules."""

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, AliasChoices, create_model, model_validator

from replyloop_assets.learning.dimensions import ALLOCATED
from replyloop_assets.learning.fields import (
    PERCENT,
    Component,
    Words,
    chosen_among,
    count,
    days,
    setting,
    share,
)
from replyloop_assets.learning.metrics import METRICS

if TYPE_CHECKING:
    Weights = Component
else:
    # one for each metric: a new one has its weight at once
    Weights = create_model(
        "Weights",
        __base__=Component,
        **{
            f"{metric.name}_weight": (
                float,
                setting(metric.weight, f"What one {metric.one} is worth.", "followers", ge=0, le=1_000_000),
            )
            for metric in METRICS
        },
    )


class AllocationSettings(Weights):
    """How effort is shared among the values of a dimension."""

    rule: str = setting("default", "Which rule decides, by its name in `rules`.")
    success_followers: int = count(
        5, "What a reply must bring to be a success; the seed's rule.", "followers", least=1
    )
    first_share: float = setting(70, "The share of the first draw; the seed's rule.", PERCENT, ge=0, le=100)
    second_share: float = setting(20, "The share of the second draw; the seed's rule.", PERCENT, ge=0, le=100)
    exploration_share: float = setting(10, "The share that always explores.", PERCENT, ge=0, lt=100)
    pivot_exploration_share: float = setting(
        30, "The share that explores while a pivot is open.", PERCENT, ge=0, lt=100
    )
    pivot_spread: Literal["doubt", "even"] = setting(
        "doubt",
        "Where a pivot explores more: 'doubt', shared among the dimensions by how doubtful the change has "
        "made what is best there; 'even', all of it in each of them, as the seed has it.",
    )
    window_days: int = days(120, "How far back the evidence goes.")
    incumbent_days: int = days(14, "How long an adopted treatment keeps its control's share.", least=0)
    paused_after_days: int = days(14, "How long a value has its dimension's least share before it is paused.")
    temper: float = setting(
        0.53, "What the posterior's standard deviations are scaled by.", "a factor", gt=0, le=10
    )
    surplus_temper: float = setting(
        0.25, "What they are scaled by among the values behind the first.", "a factor", gt=0, le=10
    )
    sparse_positives: float = share(
        0.1, "Where fewer of the replies than this bring any follower, visits stand in."
    )
    dimensions: Annotated[
        Words, AfterValidator(chosen_among(ALLOCATED, "that effort is shared over", least=1))
    ] = setting(
        ALLOCATED,
        "The dimensions that effort is shared over.",
        "a list",
        validation_alias=AliasChoices("dimensions", "families"),
    )

    @property
    def weights(self) -> dict[str, float]:
        """What one of each metric is worth, by its name."""
        return {metric.name: getattr(self, f"{metric.name}_weight") for metric in METRICS}

    @model_validator(mode="after")
    def check_together(self) -> Self:
        """Refuse a value that nothing adds to, and shares that do not add up where they are used or set."""
        weights = [f"{metric.name}_weight" for metric in METRICS]
        self.require(max(self.weights.values()) > 0, "give one of the metrics a weight above 0", *weights)
        if self.model_fields_set & {"first_share", "second_share"}:
            self.require_ranked_shares()
        return self

    def require_ranked_shares(self) -> None:
        """Refuse shares by rank that do not add up."""
        total = self.first_share + self.second_share + self.exploration_share
        self.require(
            abs(total - 100) < 1e-6,
            f"first_share, second_share and exploration_share add up to {total:g}, not to 100",
            "first_share",
            "second_share",
            "exploration_share",
        )

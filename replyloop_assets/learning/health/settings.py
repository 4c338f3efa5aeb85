"""Is the loop still doing as well as it did, and what is done about it: the settings of both rules."""

from typing import Self

from pydantic import model_validator

from replyloop_assets.learning.fields import Component, count, days, setting, share
from replyloop_assets.learning.health.baseline import WEEK

FEWEST_WEEKS = 4  # with outcomes, below which there is no telling of a trend


class HealthSettings(Component):
    """When replies bring less than they used to.

    The drop that the detector is built for lies between those that 30% and 50% fewer followers bring (.22 and
    .38 in the base world). Days differ by more than their replies explain, and `day_noise_factor` is not 1:
    too low an estimate costs false alarms, a high one a day or two.
    """

    rule: str = setting("default", "Which rule decides, by its name in `rules`.")
    recent_days: int = days(7, "The last days, which are compared with the historical ones; the seed's rule.")
    historical_days: int = days(
        30, "The days that the recent ones end and are compared with; the seed's rule."
    )
    degraded_drop: float = share(0.3, "A drop above this is degraded; the seed's rule.", gt=0, lt=1)
    pivot_min_samples: int = count(30, "How many replies a pivot needs at least.", "replies", least=1)
    pivot_significance: float = share(
        0.05, "The level at which a drop is sure enough for a pivot.", gt=0, lt=1
    )
    baseline_days: int = days(90, "The days that say what is usual.")
    baseline_gap_days: int = days(14, "How long ago the days that say what is usual end.", least=0)
    min_baseline_days: int = days(
        28, "How many days of what is usual must hold outcomes before anything is judged."
    )
    design_drop: float = share(
        0.35, "The drop in the mean of log(1 + followers) that the detector is built to see.", gt=0, lt=1
    )
    false_alarms_per_year: float = setting(
        1.1, "How often chance alone would raise an alarm.", "times a year", gt=0, le=365
    )
    false_pivots_per_year: float = setting(
        0.03, "How often chance alone would warrant a pivot.", "times a year", gt=0, le=365
    )
    day_noise_factor: float = setting(
        1.5, "How many times the estimate counts of how days differ.", "a factor", ge=0, le=100
    )
    recovery: float = share(0.5, "An episode ends below this part of the threshold.", gt=0)
    episode_days: int = days(
        60, "After so many days an episode ends at the latest: the new level is the usual one."
    )
    silence_days: int = days(180, "How far back it is looked for what has fallen silent.")
    trend_weeks: int = setting(
        8, "How many weeks trends are followed over.", "weeks", ge=FEWEST_WEEKS, le=520
    )

    @model_validator(mode="after")
    def check_together(self) -> Self:
        """Each window holds what it must, and a pivot needs more than an alarm."""
        for low, high in (
            ("recent_days", "historical_days"),
            ("min_baseline_days", "baseline_days"),
            ("false_pivots_per_year", "false_alarms_per_year"),
        ):
            self.require_order(low, high)
        return self

    @property
    def fold_days(self) -> int:
        """How far back the detector is folded anew: what ended before that has left the baseline by now."""
        return self.episode_days + self.baseline_days + self.baseline_gap_days

    @property
    def window_days(self) -> int:
        """The days that the verdict on one day rests on."""
        return max(
            self.baseline_days + self.baseline_gap_days + self.fold_days,
            self.historical_days + self.fold_days,
            WEEK * self.trend_weeks,
        )


class PivotSettings(Component):
    """How long a pivot lasts, and the experiments that it starts.

    After one has closed the next waits: late data may move an episode's start, and what looks like a new one
    may be the old.
    """

    least_days: int = days(14, "How long a pivot lasts at least.", least=0)
    cooldown_days: int = days(7, "How long the next pivot waits after one.", least=0)
    experiments: int = count(1, "How many experiments a pivot starts.", "experiments")
    units_share: float = share(
        0.2,
        "The part of the replies that such an experiment takes; the others go on by the allocation.",
        gt=0,
    )
    treatment_share: float = share(0.5, "The part of those that get its treatment.", gt=0, lt=1)

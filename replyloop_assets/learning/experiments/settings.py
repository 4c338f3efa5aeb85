"""How experiments are judged and suggested: the settings of both rules."""

from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices

from replyloop_assets.learning.dimensions import TESTABLE
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


class ExperimentSettings(Component):
    """How an experiment is judged, and what is suggested."""

    rule: str = setting("default", "Which rule decides.")
    statistic: Literal["log1p", "capped"] = setting(
        "log1p", "What is compared: log(1 + followers), or followers capped at a quantile."
    )
    min_samples: int = count(30, "What each group must hold before anything is decided.", "outcomes", least=1)
    min_improvement_pct: float = setting(
        20, "How much better a treatment must be to be adopted.", PERCENT, ge=0, le=10_000
    )
    significance: float = share(0.05, "The level at which a treatment is better.", gt=0, lt=1)
    harm_significance: float = share(
        0.07, "The level at which a treatment does harm; the default rule.", gt=0, lt=1
    )
    horizon_days: int = days(60, "How long an experiment is planned for.")
    cap_quantile: float = share(0.99, "Where the capped statistic caps followers.", gt=0)
    lift_spread: float = setting(
        0.3,
        "How lifts differ among strategies, by which reported ones are shrunk.",
        "standard deviation of the logarithm",
        gt=0,
        le=10,
    )
    sample_ratio_p: float = share(
        0.001, "The chance that a sound assignment is taken for broken over the horizon.", gt=0, lt=1
    )
    detect_lift: float = setting(
        0.5,
        "The lift of which it is told beforehand whether it would be found.",
        "a part of the control's mean",
        gt=0,
        le=100,
    )
    power: float = share(0.8, "How surely a lift of that size is to be found.", gt=0, lt=1)
    suggest_dimensions: Annotated[
        Words, AfterValidator(chosen_among(TESTABLE, "that an experiment can test"))
    ] = setting(
        TESTABLE,
        "The dimensions whose values are suggested for a test.",
        "a list",
        validation_alias=AliasChoices("suggest_dimensions", "suggest_families"),
    )
    suggest_window_days: int = days(30, "How far back suggestions look.")
    min_information_value: float = setting(
        0.01,
        "What a suggested test is expected to bring at least; 0.01 is 1% more followers.",
        "logarithm of followers",
        ge=0,
        le=10,
    )
    max_open: int = count(
        2, "How many experiments may be open before nothing more is suggested.", "experiments"
    )

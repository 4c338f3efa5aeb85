"""The verdict of a day in words and figures, by either rule."""

from datetime import date, timedelta

import numpy as np
import pytest

from replyloop_assets.learning.comparison import Floats, Moments
from replyloop_assets.learning.health.rules.detector import how_often
from replyloop_assets.learning.health.settings import HealthSettings
from replyloop_assets.learning.health.verdict import Verdict, judge

FIRST = date(2026, 1, 1)
DEFAULT = HealthSettings()


def verdict(outcomes: list[Floats], settings: HealthSettings = DEFAULT) -> Verdict:
    days = [FIRST + timedelta(days=n) for n in range(len(outcomes))]
    followers, logs = (
        Moments(*np.array([(len(y), y.sum(), (y**2).sum()) for y in series], float).T)
        for series in (outcomes, [np.log1p(y) for y in outcomes])
    )
    (seen,) = judge(
        [days],
        *(Moments(*(part[None] for part in one)) for one in (followers, logs)),
        settings,
        ["followers"],
    )
    return seen


def outcomes(days: int, drop_at: int = 1000, left: float = 0.4) -> list[Floats]:
    rng = np.random.default_rng(4)
    drawn = (rng.exponential(8, 30) * (rng.random(30) < 0.5) for _ in range(days))
    return [np.round(y * left if day >= drop_at else y) for day, y in enumerate(drawn)]


def test_quiet_days_are_healthy_with_every_figure() -> None:
    seen = verdict(outcomes(150))
    assert seen.status == "healthy"
    assert seen.reason.endswith("no drop beyond chance.")
    assert seen.baseline_days == 90
    assert seen.baseline_mean == pytest.approx(np.log1p(np.concatenate(outcomes(150)[46:136])).mean())
    assert seen.cusum is not None
    assert seen.threshold is not None
    assert seen.cusum < seen.threshold
    assert seen.episode_started_on is None


def test_a_drop_is_told_with_its_day_its_size_and_how_sure() -> None:
    seen = verdict(outcomes(160, drop_at=140))
    assert seen.status == "degraded"
    assert seen.pivot_warranted
    assert seen.segment_started_on is not None
    assert abs((seen.segment_started_on - FIRST).days - 140) <= 2
    assert seen.episode_started_on is not None
    assert seen.segment_started_on <= seen.episode_started_on
    assert f"Replies bring less since {seen.segment_started_on}" in seen.reason
    assert f"alarm since {seen.episode_started_on}, sure enough for a pivot" in seen.reason
    assert "once in 5 years or more" in seen.reason


def test_days_without_outcomes_are_unknown_but_an_episode_lasts_through_them() -> None:
    nothing = [np.zeros(0)] * 8
    assert verdict(outcomes(150) + nothing).status == "unknown"
    assert verdict(outcomes(150) + nothing).reason == "No outcome in the last 7 days."
    seen = verdict(outcomes(155, drop_at=140) + nothing)
    assert seen.status == "degraded"
    assert f"Replies bring less since {seen.segment_started_on}: no outcome in the last 7 days" in seen.reason


def test_what_lasted_for_60_days_is_the_usual_and_said_to_be() -> None:
    seen = verdict(outcomes(230, drop_at=140))
    assert seen.status == "healthy"
    assert seen.usual_since is not None
    assert abs((seen.usual_since - FIRST).days - 140) <= 2
    assert seen.reason.endswith(f"no drop beyond chance, by the level since {seen.usual_since}.")
    assert verdict(outcomes(230)).usual_since is None


def test_the_seeds_rule_judges_alone_where_it_is_chosen() -> None:
    seed = HealthSettings(rule="seed")
    series = outcomes(160, drop_at=154)
    seen = verdict(series, seed)
    now, then = (np.concatenate(series[-days:]).mean() for days in (7, 30))
    assert seen.degradation == pytest.approx((then - now) / then)
    assert seen.status == "degraded"
    assert "in 7 days against" in seen.reason
    assert seen.episode_started_on is not None
    quiet = verdict(outcomes(160), seed)
    assert (quiet.status, quiet.episode_started_on) == ("healthy", None)


@pytest.mark.parametrize(
    ("years", "words"),
    [
        (0.02, "1 month"),
        (0.5, "6 months"),
        (2.34, "2.3 years"),
        (5, "5 years or more"),
        (20, "5 years or more"),
    ],
)
def test_how_often_chance_does_it_in_words(years: float, words: str) -> None:
    assert how_often(years) == words

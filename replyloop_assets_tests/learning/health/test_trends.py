"""A trend over weeks, against statsmodels' fits with each week left out, and against what was drawn."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from replyloop_assets.learning.comparison import Floats, Moments
from replyloop_assets.learning.health.trends import find_trend

WEEKDAYS = np.array([0.2, 0.1, 0.0, 0.0, 0.1, -0.2, -0.2])


def drawn(rng: np.random.Generator, days: int, slope: float, replies: int = 20) -> Moments:
    """Days of replies around a line, with a strong week; some days have none."""
    n = rng.poisson(replies, days) * (rng.random(days) > 0.1)
    level = 1 + slope * np.arange(days) / 7 + WEEKDAYS[np.arange(days) % 7]
    values = [rng.normal(m, 0.5, k) for m, k in zip(level, n, strict=True)]
    return Moments(
        n.astype(float), np.array([v.sum() for v in values]), np.array([(v**2).sum() for v in values])
    )


@pytest.mark.parametrize("days", [35, 56, 59, 90])
def test_slope_and_interval_are_those_of_the_jackknife_over_weeks(days: int) -> None:
    daily = drawn(np.random.default_rng(days), days, 0.02)
    age = np.arange(days) + -days % 7
    frame = pd.DataFrame({"n": daily.n, "day": age, "weekday": age % 7, "week": age // 7})[daily.n > 0]
    frame["x"] = (daily.total / np.maximum(daily.n, 1))[daily.n > 0]
    weeks = frame["week"].unique()
    slope = slope_of(frame)
    left = np.array([slope_of(frame[frame["week"] != week]) for week in weeks])
    error = np.sqrt(((left - slope) ** 2).sum() * (len(weeks) - 1) / len(weeks))
    reach = stats.t.ppf(0.975, len(weeks) - 1) * error
    level = daily.total.sum() / daily.n.sum()
    seen = find_trend(daily)
    assert seen.per_week == pytest.approx(7 * slope / level)
    assert seen.low == pytest.approx(7 * (slope - reach) / level)
    assert seen.high == pytest.approx(7 * (slope + reach) / level)


def slope_of(frame: pd.DataFrame) -> float:
    fit = smf.wls("x ~ day + C(weekday)", frame, weights=frame["n"]).fit()
    return float(fit.params["day"])


@pytest.mark.parametrize(("slope", "direction"), [(0.05, "rising"), (-0.05, "falling")])
def test_a_clear_trend_is_seen_through_the_week(slope: float, direction: str) -> None:
    seen = find_trend(batch(40, slope))
    assert (seen.direction == direction).mean() >= 0.95


def test_no_trend_is_flat_19_times_in_20() -> None:
    flat = (find_trend(batch(400, 0.0)).direction == "flat").mean()
    assert flat == pytest.approx(0.95, abs=3 * np.sqrt(0.05 * 0.95 / 400) + 0.01)


def test_a_batch_is_its_series_one_by_one() -> None:
    daily = batch(5, 0.02)
    together = find_trend(daily)
    for i in range(5):
        alone = find_trend(Moments(*(part[i] for part in daily)))
        assert [str(part) for part in alone] == [str(part[i]) for part in together]


@pytest.mark.parametrize("daily", [np.zeros(60), np.r_[np.zeros(40), np.ones(20)]])
def test_too_few_weeks_are_unknown(daily: Floats) -> None:
    seen = find_trend(Moments(daily, 2 * daily, 4 * daily))
    assert seen.direction == "unknown"
    assert np.isnan(seen.low)


def batch(series: int, slope: float) -> Moments:
    rng = np.random.default_rng(7)
    drawn_series = [drawn(rng, 70, slope) for _ in range(series)]
    return Moments(*(np.stack(part) for part in zip(*drawn_series, strict=True)))

"""A trend over weeks, against statsmodels' fits with each week left out, and against what was drawn."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats
from statsmodels.stats import multitest

from replyloop_assets.learning.comparison import Floats, Moments
from replyloop_assets.learning.health.trends import Trend, false_rate, find_trends
from replyloop_assets.simulation.outcomes import draw_followers, lifted
from replyloop_assets.simulation.rhythm import day_factors
from replyloop_assets.simulation.world import Rhythm

DAYS = 56
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
    frame["apart"] = frame["day"] - frame.groupby("weekday")["day"].transform(
        lambda part: np.average(part, weights=frame.loc[part.index, "n"])
    )
    told = (frame["n"] * frame["apart"] ** 2).groupby(frame["week"]).sum()
    weeks = frame["week"].unique()
    slope = slope_of(frame)
    left = np.array([slope_of(frame[frame["week"] != week]) for week in weeks])
    error = np.sqrt(((left - slope) ** 2).sum() * (len(weeks) - 1) / len(weeks))
    reach = stats.t.ppf(0.975, told.sum() ** 2 / (told**2).sum()) * error
    level = daily.total.sum() / daily.n.sum()
    seen = trends(daily, alone=True)
    assert seen.weeks == len(weeks)
    assert seen.per_week == pytest.approx(7 * slope / level)
    assert seen.low == pytest.approx(7 * (slope - reach) / level)
    assert seen.high == pytest.approx(7 * (slope + reach) / level)


def slope_of(frame: pd.DataFrame) -> float:
    fit = smf.wls("x ~ day + C(weekday)", frame, weights=frame["n"]).fit()
    return float(fit.params["day"])


@pytest.mark.parametrize(("slope", "direction"), [(0.05, "rising"), (-0.05, "falling")])
def test_a_clear_trend_is_seen_through_the_week(slope: float, direction: str) -> None:
    for alone in (True, False):
        assert (trends(batch(40, slope), alone).direction == direction).mean() >= 0.95


def test_no_trend_is_flat_19_times_in_20() -> None:
    flat = (trends(batch(400, 0.0), alone=True).direction == "flat").mean()
    assert flat == pytest.approx(0.95, abs=3 * np.sqrt(0.05 * 0.95 / 400) + 0.01)


@pytest.mark.parametrize("shock", [0.0, 0.25], ids=["days of their own", "days that share their luck"])
def test_of_many_values_without_a_trend_none_has_one_19_times_in_20(shock: float) -> None:
    """Windows of 40 values of skewed outcomes, sparse to dense, with a rhythm and days that hang together."""
    rng = np.random.default_rng(8)
    windows = 150
    some = 0
    for _ in range(windows):
        luck = day_factors(Rhythm(shock=shock, autocorrelation=0.6), rng.standard_normal(DAYS))
        n = rng.poisson(np.geomspace(1.5, 30, 40)[:, None], (40, DAYS))
        mean, positive = lifted(
            5, 0.4, np.repeat(np.tile(luck * (1 + WEEKDAYS[np.arange(DAYS) % 7]), 40), n.ravel())
        )
        y = draw_followers(mean, positive, 1.3, rng, mean.shape)
        place = np.repeat(np.arange(n.size), n.ravel())
        total = np.bincount(place, np.log1p(y), minlength=n.size).reshape(n.shape)
        found = find_trends(n.astype(float), total, np.zeros(40, bool))
        some += bool(np.isin(found.direction, ["rising", "falling"]).any())
    assert some / windows <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / windows)


def test_a_direction_is_an_interval_beside_0_and_wider_among_many() -> None:
    values = Moments(*(np.r_[a, b] for a, b in zip(batch(30, 0.0), batch(5, 0.06), strict=True)))
    together, alone = trends(values, False), trends(values, True)
    beside = (together.low > 0) | (together.high < 0)
    assert (np.isin(together.direction, ["rising", "falling"]) == beside).all()
    assert beside[30:].all()
    assert (together.high - together.low > alone.high - alone.low).all()
    assert (together.per_week == alone.per_week).all()


def test_the_false_rate_is_benjamini_and_hochbergs() -> None:
    p = np.random.default_rng(3).uniform(0, 1, 40) ** 3
    rejected = multitest.multipletests(p, 0.05, "fdr_bh")[0]
    assert ((p <= false_rate(p)) == rejected).all()
    assert false_rate(p) == pytest.approx(0.05 * rejected.sum() / 40)
    assert false_rate(np.r_[p, np.nan]) == false_rate(p)
    assert false_rate(np.full(10, 0.5)) == pytest.approx(0.005)
    assert false_rate(np.zeros(0)) == 0.05


def test_a_batch_is_its_series_one_by_one() -> None:
    daily = batch(5, 0.02)
    together = trends(daily, alone=True)
    for i in range(5):
        alone = trends(Moments(*(part[[i]] for part in daily)), alone=True)
        assert [part[0] for part in alone] == pytest.approx([part[i] for part in together])


def test_values_looked_at_together_are_judged_look_by_look() -> None:
    """One value alone, many with a trend, and many without: each as if nobody had looked at the others."""
    some = [batch(1, 0.0), batch(9, 0.04), batch(12, 0.0)]
    n, total = (np.concatenate([getattr(one, name) for one in some]) for name in ("n", "total"))
    looks = np.repeat(np.arange(3), [1, 9, 12])
    together = find_trends(n, total, np.zeros(22, bool), looks)
    for look in range(3):
        apart = find_trends(n[looks == look], total[looks == look], np.zeros((looks == look).sum(), bool))
        for one, all_ in zip(apart, together, strict=True):
            assert (one == all_[looks == look]).all()


@pytest.mark.parametrize(
    "n",
    [np.zeros(60), np.r_[np.zeros(40), np.full(20, 50)], np.ones(60)],
    ids=["none", "3 weeks", "60 replies"],
)
def test_few_weeks_or_replies_are_unknown(n: Floats) -> None:
    seen = find_trends(n[None], 2 * n[None], np.array([True]))
    assert seen.direction == ["unknown"]
    assert np.isnan(seen.low).all()


def trends(daily: Moments, alone: bool) -> Trend:
    n, total = np.atleast_2d(daily.n), np.atleast_2d(daily.total)
    return find_trends(n, total, np.full(len(n), alone))


def batch(series: int, slope: float) -> Moments:
    rng = np.random.default_rng(7)
    drawn_series = [drawn(rng, 70, slope) for _ in range(series)]
    return Moments(*(np.stack(part) for part in zip(*drawn_series, strict=True)))

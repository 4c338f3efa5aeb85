"""Trends: what is called so, and how often chance alone is."""

import numpy as np
import pytest
from scipy.stats import betabinom, binom

from replyloop_assets.learning.incidents.settings import ErrorSettings
from replyloop_assets.learning.incidents.trend import (
    WORST_RATIO,
    discoveries,
    dispersion,
    excess,
    judge_trends,
)

SETTINGS = ErrorSettings()
RNG = np.random.default_rng


def steady(seed: int, shapes: int = 400, burstiness: float = 1.0) -> np.ndarray:
    """Daily counts of errors that do not change, their variance so many times their mean."""
    rng = RNG(seed)
    mean = rng.lognormal(0, 2, (shapes, 1))
    rate = mean if burstiness == 1 else rng.gamma(mean / (burstiness - 1), burstiness - 1, (shapes, 28))
    return rng.poisson(np.broadcast_to(rate, (shapes, 28)))


def test_the_numbers() -> None:
    """At four looks a day, chance calls a surge at most three times in two years."""
    assert SETTINGS.model_dump() == {
        "lookback_days": 28,
        "new_days": 1,
        "merge_values": 8,
        "surge_ratio": 3.0,
        "surge_chance": 0.001,
        "change_ratio": 1.5,
        "false_changes": 0.05,
        "burstiness": 4.0,
        "most_alerts": 5,
        "quiet_days": 7,
        "most_messages": 100_000,
        "most_characters": 50_000_000,
        "most_shapes": 20_000,
    }
    assert SETTINGS.surge_chance * 4 * 730 < 3


def test_excess_is_the_beta_binomials_tail() -> None:
    later, earlier = np.array([0, 1, 5, 40]), np.array([3, 0, 5, 20])
    shape = np.full(4, 0.7)
    expected = betabinom.sf(later - 1, later + earlier, shape, 7 * shape)
    assert excess(later, earlier, shape, 7 * shape) == pytest.approx(expected)
    independent = excess(later, earlier, shape * 1e6, 7e6 * shape)
    assert independent == pytest.approx(binom.sf(later - 1, later + earlier, 1 / 8), rel=1e-3)
    many = np.array([30_000_000])
    assert 0 <= excess(many, many * 7, shape[:1] * 1e6, 7e6 * shape[:1])[0] <= 1


def test_dispersion_is_one_of_independent_errors_and_more_of_bursts() -> None:
    daily = RNG(1).poisson(50, (2000, 27))
    assert dispersion(daily, 2.0).mean() == pytest.approx((6 * 2 + 23) / 29, rel=0.02)
    bursts = np.zeros((1, 27), int)
    bursts[0, 5] = 300
    assert dispersion(bursts, 2.0) > 100
    assert dispersion(np.zeros((1, 27), int), 2.0) == 2.0


def test_discoveries_are_benjamini_and_hochbergs() -> None:
    p_values = np.array([0.3, 0.001, 0.019, 0.04, 0.014])
    assert discoveries(p_values, 0.05).tolist() == [False, True, True, True, True]
    assert discoveries(np.array([]), 0.05).tolist() == []


@pytest.mark.parametrize(("burstiness", "surges"), [(1.0, 0), (3.0, 0), (10.0, 2)])
def test_chance_makes_no_surge_and_few_changes(burstiness: float, surges: int) -> None:
    looks = 40
    counts: dict[str, int] = dict.fromkeys(("surging", "rising", "falling"), 0)
    for seed in range(looks):
        trends = judge_trends(steady(seed, burstiness=burstiness), SETTINGS).trend
        for name in counts:
            counts[name] += trends.count(name)
    assert counts["surging"] <= surges
    assert counts["rising"] + counts["falling"] <= 0.2 * looks


def test_a_surge_is_seen_among_many() -> None:
    daily = steady(5)
    daily[:3] = RNG(6).poisson([[2.0], [20.0], [200.0]], (3, 28))
    daily[:3, 0] = 40, 100, 800
    assert judge_trends(daily, SETTINGS).trend[:3] == ["surging"] * 3


def test_one_old_burst_is_neither_surge_nor_rise() -> None:
    daily = np.zeros((1, 28), int)
    daily[0, [3, 12, 20]] = 500, 20, 300
    assert judge_trends(daily, SETTINGS).trend == ["steady"]


def test_a_rare_error_that_comes_by_thousands_surges() -> None:
    daily = steady(5)
    daily[:3] = 0
    daily[0, [0, 10]] = 10_000, 1
    daily[1, 0] = 900  # of those that are known by their like
    daily[2, [0, 10]] = 1000, 30
    known = np.arange(len(daily)) == 1
    assert judge_trends(daily, SETTINGS, known).trend[:3] == ["surging"] * 3


def bursts(seed: int, shapes: int, unlike: float) -> np.ndarray:
    """Errors that come on one day in 30, about 30 at a time; `unlike` is the deviation of the logarithm."""
    rng = RNG(seed)
    sizes = np.ceil(rng.lognormal(np.log(30), unlike, (shapes, 28 + 365)))
    return np.where(rng.random(sizes.shape) < 1 / 30, sizes, 0).astype(np.int64)


@pytest.mark.parametrize(("unlike", "a_year"), [(0.5, 0), (1.0, 6), (1.5, 15)])
def test_rare_bursts_surge_rarely_and_only_where_they_are_the_worst_by_far(
    unlike: float, a_year: int
) -> None:
    counts, found = bursts(1, 20, unlike), 0
    for end in range(28, counts.shape[1]):
        daily = counts[:, end - 28 : end][:, ::-1]
        surging = [name == "surging" for name in judge_trends(daily, SETTINGS).trend]
        found += sum(surging)
        assert (daily[surging, 0] >= WORST_RATIO * daily[surging, 1:].max(1)).all()
    assert found <= a_year


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ({"lookback_days": 0}, "lookback_days\n.*greater than or equal to 14"),
        ({"lookback_days": 13}, "lookback_days\n.*greater than or equal to 14"),
        ({"new_days": 0}, "new_days\n.*greater than or equal to 1"),
        ({"quiet_days": 28}, "quiet_days .* is not less than lookback_days"),
    ],
)
def test_days_that_leave_nothing_to_compare_are_refused(bad: dict[str, int], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        ErrorSettings(**bad)


@pytest.mark.filterwarnings("error")
def test_two_weeks_are_enough() -> None:
    assert judge_trends(np.ones((2, 14), np.int64), ErrorSettings(lookback_days=14)).trend == ["steady"] * 2

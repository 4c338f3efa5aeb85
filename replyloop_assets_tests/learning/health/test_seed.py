"""The last 7 days against the last 30, by the seed: more than 30% down is degraded."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from replyloop_assets.learning.comparison import Floats, Moments
from replyloop_assets.learning.health.rules.seed import (
    Health,
    check_health,
    compare_windows,
    trailing_sums,
)
from replyloop_assets.learning.health.settings import HealthSettings
from replyloop_assets_tests.learning.samples import moments_of, skewed_followers, stacked

SEED = HealthSettings()
Days = dict[int, list[int] | Floats]  # raw outcomes by the age of their day


def health_of(days: Days, settings: HealthSettings = SEED) -> Health:
    """Of a window of 41 days."""
    daily = stacked([moments_of(days.get(age, [])) for age in reversed(range(41))])
    (seen,) = check_health(Moments(*(part[None] for part in daily)), settings)
    return seen


def levels(recent: list[int], before: list[int]) -> Days:
    """The same outcomes on each of the last 7 days, and others on each of the 23 before."""
    return {age: recent if age < 7 else before for age in range(30)}


def test_the_settings_are_the_seeds_numbers() -> None:
    assert (SEED.recent_days, SEED.historical_days) == (7, 30)
    assert SEED.degraded_drop == 0.3
    assert SEED.pivot_min_samples == 30
    assert 1 - SEED.pivot_significance == pytest.approx(0.95)


@given(st.dictionaries(st.integers(0, 40), st.lists(st.integers(0, 60), max_size=6)))
def test_the_figures_are_those_of_the_raw_outcomes(days: Days) -> None:
    recent = [y for age, outcomes in days.items() if age < 7 for y in outcomes]
    historical = [y for age, outcomes in days.items() if age < 30 for y in outcomes]
    seen = health_of(days)
    assert seen.sample_size_recent == len(recent)
    assert seen.sample_size_historical == len(historical)
    assert seen.recent_avg_followers == pytest.approx(mean(recent), nan_ok=True)
    assert seen.historical_avg_followers == pytest.approx(mean(historical), nan_ok=True)


def mean(outcomes: list[int]) -> float:
    return sum(outcomes) / len(outcomes) if outcomes else float("nan")


def test_the_windows_end_with_the_seventh_and_the_thirtieth_day() -> None:
    seen = health_of({0: [1], 6: [1, 1], 7: [1] * 4, 29: [1] * 8, 30: [1] * 16})
    assert seen.sample_size_recent == 3
    assert seen.sample_size_historical == 15


def test_a_true_drop_of_30_percent_measures_24_7_because_the_7_days_are_among_the_30() -> None:
    seen = health_of(levels(recent=[7] * 10, before=[10] * 10))
    assert seen.degradation == pytest.approx(0.247, abs=5e-4)
    assert seen.status == "healthy"


@pytest.mark.parametrize(
    ("recent", "status"),
    [(48, "degraded"), (49, "healthy"), (50, "healthy")],
    ids=["more than 30% down", "exactly 30% down", "less than 30% down"],
)
@pytest.mark.parametrize("scale", range(1, 6))
def test_a_drop_must_exceed_30_percent_to_degrade(recent: int, status: str, scale: int) -> None:
    """70 recent outcomes of 49 in all, 230 before of 251 in all: a mean of .7 against 1."""
    counts = {0: (70, scale * recent), 7: (230, scale * (300 - recent))}
    seen = health_of({age: spread(*count) for age, count in counts.items()})
    assert Fraction(scale * recent, 70) == scale * Fraction(recent, 70)
    assert seen.degradation == pytest.approx(1 - recent / 70)
    assert seen.status == status


def spread(replies: int, total: int) -> list[int]:
    """This many outcomes that sum to the total, as even as whole numbers can be."""
    return [total // replies + (n < total % replies) for n in range(replies)]


@given(*[st.lists(st.integers(0, 9), min_size=1, max_size=12)] * 2)
def test_the_30_percent_are_exact_for_counts(recent: list[int], before: list[int]) -> None:
    now, then = Fraction(sum(recent), len(recent)), Fraction(sum(recent + before), len(recent + before))
    seen = health_of({0: recent, 7: before})
    if then == 0:
        assert seen.status == "unknown"
    else:
        degraded = (then - now) / then > Fraction(3, 10)
        assert seen.status == ("degraded" if degraded else "healthy")


@pytest.mark.parametrize(
    ("days", "reason"),
    [
        pytest.param({}, "last 7 days", id="nothing at all"),
        pytest.param({7: [5, 6], 29: [4]}, "last 7 days", id="no recent outcome"),
        pytest.param({0: [5, 6][:0], 7: [5]}, "last 7 days", id="recent days without an outcome"),
        pytest.param({0: [0, 0], 12: [0]}, "30 days", id="nothing gained in the whole window"),
        pytest.param({0: [0], 30: [9]}, "30 days", id="what was gained is older than the window"),
    ],
)
def test_without_a_base_the_status_is_unknown_and_nothing_pivots(days: Days, reason: str) -> None:
    seen = health_of(days)
    assert seen.status == "unknown"
    assert np.isnan(seen.degradation)
    assert np.isnan(seen.p_value)
    assert not seen.pivot_warranted
    assert reason in seen.reason


def test_everything_lost_is_degraded_and_not_unknown() -> None:
    seen = health_of(levels(recent=[0] * 6, before=[1, 9] * 3))
    assert seen.status == "degraded"
    assert seen.degradation == 1
    assert seen.pivot_warranted


def test_the_p_value_is_welchs_of_the_recent_days_below_those_before_them() -> None:
    for number, (now, then) in enumerate([(2, 5), (5, 5), (8, 5), (4, 5)]):
        rng = np.random.default_rng(number)
        days: Days = {
            age: skewed_followers(rng, now if age < 7 else then, rng.poisson(8)) for age in range(36)
        }
        recent = np.concatenate([days[age] for age in range(7)])
        before = np.concatenate([days[age] for age in range(7, 30)])
        expected = stats.ttest_ind(recent, before, equal_var=False, alternative="less").pvalue
        assert health_of(days).p_value == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("replies", "warranted"), [(29, False), (30, True), (31, True)])
def test_a_pivot_needs_30_recent_samples(replies: int, warranted: bool) -> None:
    days = {0: [0, 1, 2] * 20, 10: [8, 9, 10] * 60}
    days[0] = days[0][:replies]
    seen = health_of(days)
    assert seen.status == "degraded"
    assert seen.p_value < 1e-6
    assert seen.pivot_warranted == warranted


def test_a_pivot_needs_95_percent_confidence() -> None:
    """Lift one outcome of the recent ones until the drop is no longer significant: still a drop."""
    before, verdicts = [0, 0, 0, 30] * 60, []
    for top in range(0, 200, 5):
        recent = [1] * 39 + [top]
        seen = health_of({0: recent, 10: before})
        test = stats.ttest_ind(recent, before, equal_var=False, alternative="less")
        assert seen.pivot_warranted == (seen.status == "degraded" and test.pvalue < 0.05)
        if seen.status == "degraded":
            verdicts.append(seen.pivot_warranted)
    assert set(verdicts) == {True, False}


def test_the_confidence_must_be_more_than_reached() -> None:
    days: Days = {0: [0, 3] * 20, 10: [0, 20] * 60}
    p_value = health_of(days).p_value
    assert not health_of(days, HealthSettings(pivot_significance=p_value)).pivot_warranted
    just_above = float(np.nextafter(p_value, 1))
    assert health_of(days, HealthSettings(pivot_significance=just_above)).pivot_warranted


def test_significant_but_small_is_healthy_and_no_pivot() -> None:
    seen = health_of(levels(recent=[79, 80, 81] * 10, before=[99, 100, 101] * 10))
    assert seen.p_value < 1e-6
    assert seen.status == "healthy"
    assert not seen.pivot_warranted


def test_the_reason_says_both_averages_and_the_direction() -> None:
    down = health_of(levels(recent=[1, 3] * 5, before=[9, 11] * 5))
    assert "2.00 followers per reply in 7 days against 8.13 in 30: 75% down" in down.reason
    assert "70 replies" in down.reason
    up = health_of(levels(recent=[20] * 10, before=[10] * 10))
    assert "62% up" in up.reason
    assert up.status == "healthy"
    assert up.degradation < 0


@given(st.lists(st.lists(st.integers(0, 60), max_size=5), min_size=1, max_size=45))
def test_every_day_of_a_series_is_judged_as_its_own_window(series: list[list[int]]) -> None:
    daily = stacked([moments_of(outcomes) for outcomes in series])
    recent, historical = (trailing_sums(daily, days) for days in (SEED.recent_days, SEED.historical_days))
    seen = compare_windows(recent, historical, SEED)
    for last in range(len(series)):
        alone = health_of({last - day: outcomes for day, outcomes in enumerate(series[: last + 1])})
        assert recent.n[last] == alone.sample_size_recent
        assert seen.degradation[last] == pytest.approx(alone.degradation, nan_ok=True)
        assert seen.p_value[last] == pytest.approx(alone.p_value, nan_ok=True)
        assert seen.degraded[last] == (alone.status == "degraded")
        assert seen.pivot_warranted[last] == alone.pivot_warranted


def test_the_settings_numbers() -> None:
    """Seed, Phase 4.3 and risk 5; the detector's as calibrated by `replyloop simulate health`."""
    seed = (7, 30, 0.3, 30, 0.05)
    known = HealthSettings()
    assert seed == (
        known.recent_days, known.historical_days, known.degraded_drop, known.pivot_min_samples,
        known.pivot_significance,
    )  # fmt: skip
    assert (known.baseline_days, known.baseline_gap_days, known.min_baseline_days) == (90, 14, 28)
    assert (known.false_alarms_per_year, known.false_pivots_per_year) == (1.1, 0.03)
    assert (known.day_noise_factor, known.design_drop, known.recovery) == (1.5, 0.35, 0.5)
    assert (known.episode_days, known.silence_days, known.trend_weeks) == (60, 180, 8)
    assert (known.fold_days, known.window_days) == (164, 268)

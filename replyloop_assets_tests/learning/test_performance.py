"""The seed's confidence, ROI and tiers; and shrinkage, against DerSimonian and Laird in statsmodels."""

import json
import warnings
from fractions import Fraction
from statistics import fmean, stdev, variance
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.meta_analysis import combine_effects

from replyloop_assets.learning.comparison import Floats
from replyloop_assets.learning.performance import (
    PerformanceSettings,
    confidence,
    describe,
    performance_tier,
    rate_performance,
    roi,
    shrink,
)

SEED = PerformanceSettings()


# ---- the seed's rules


def test_the_settings_are_the_seeds_numbers() -> None:
    assert SEED.window_days == 30
    assert SEED.full_confidence_samples == 30
    assert (SEED.excellent_roi, SEED.good_roi, SEED.moderate_roi) == (150, 100, 50)


@pytest.mark.parametrize(("n", "expected"), [(0, 0), (3, 0.1), (15, 0.5), (29, 29 / 30), (30, 1), (900, 1)])
def test_confidence_is_n_of_30_and_at_most_1(n: int, expected: float) -> None:
    assert float(confidence(n, SEED)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("percent", "tier"),
    [
        (1000, "excellent"),
        (150, "excellent"),
        (np.nextafter(150, 0), "good"),
        (100, "good"),
        (np.nextafter(100, 0), "moderate"),
        (50, "moderate"),
        (np.nextafter(50, 0), "poor"),
        (0, "poor"),
        (np.nan, None),
    ],
)
def test_tiers_begin_at_150_100_and_50(percent: float, tier: str | None) -> None:
    assert performance_tier(np.array([percent]), SEED).tolist() == [tier]


def test_roi_is_the_average_in_percent_of_the_baseline() -> None:
    assert roi([3.0, 6.0, 0.0], 4.0).tolist() == [75, 150, 0]
    assert roi([[1.0], [2.0]], [2.0, 4.0]).tolist() == [[50, 25], [100, 50]]


@pytest.mark.parametrize("baseline", [0.0, np.nan])
def test_without_a_baseline_there_is_no_roi_and_no_tier(baseline: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ratio = roi([0.0, 3.0], baseline)
    assert np.isnan(ratio).all()
    assert performance_tier(ratio, SEED).tolist() == [None, None]


@settings(max_examples=300)
@given(st.integers(1, 120), st.integers(1, 600), st.integers(0, 4), st.integers(-1, 1))
def test_tiers_are_exact_for_counts(all_replies: int, all_followers: int, halves: int, beyond: int) -> None:
    """At 50, 100 and 150% of the baseline to the very follower, no last bit of a division decides."""
    replies, followers = 2 * all_replies, halves * all_followers + beyond
    percent = 100 * Fraction(followers, replies) / Fraction(all_followers, all_replies)
    tier = "poor"
    for name, begins in (("moderate", 50), ("good", 100), ("excellent", 150)):
        tier = name if percent >= begins else tier
    ratio = roi([followers / replies], all_followers / all_replies)
    assert performance_tier(ratio, SEED).tolist() == [tier]


@pytest.mark.parametrize(
    ("part", "whole", "tier"),
    [
        pytest.param((3, 1), (3, 1), "good", id="the only value of a dimension is its baseline"),
        pytest.param((30, 9), (60, 12), "excellent", id="half as much again"),
        pytest.param((30, 10), (45, 10), "excellent", id="half as much again, in thirds"),
        pytest.param((12, 7), (6, 7), "moderate", id="half as much"),
    ],
)
def test_a_tier_reached_exactly_is_reached(part: tuple[int, int], whole: tuple[int, int], tier: str) -> None:
    averages = [total / n for n, total in (part, whole)]
    assert performance_tier(roi(averages[:1], averages[1]), SEED).tolist() == [tier]


# ---- shrinkage


@st.composite
def grouped_means(draw: st.DrawFn) -> tuple[Floats, Floats, np.ndarray[Any, Any]]:
    """Members' means, the variances of these means, and the group of each."""
    sizes = draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    groups = np.repeat(np.arange(len(sizes)), sizes)
    groups = groups[draw(st.permutations(range(len(groups))))]
    members = {"min_size": len(groups), "max_size": len(groups)}
    means = draw(st.lists(st.floats(0, 100), **members))
    variances = draw(st.lists(st.floats(0.01, 100), **members))
    return np.array(means), np.array(variances), groups


def dersimonian_laird(means: Floats, variances: Floats) -> tuple[float, float, float]:
    """Group mean, its variance, and the variance between members, by statsmodels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of figures that are not read here
        found = combine_effects(means, variances, method_re="dl")
    if not found.tau2 > 0:  # no variance between members: the fixed effect, which all share
        return found.mean_effect_fe, found.var_eff_w_fe, 0
    return found.mean_effect_re, found.var_eff_w_re, found.tau2


@given(grouped_means())
def test_shrinking_is_the_posterior_under_dersimonian_and_laird(
    data: tuple[Floats, Floats, np.ndarray[Any, Any]],
) -> None:
    means, variances, groups = data
    shrunk, error = shrink(means, variances, groups)
    for group in np.unique(groups):
        mine = groups == group
        y, v = means[mine], variances[mine]
        centre, centre_variance, between = dersimonian_laird(y, v) if len(y) > 1 else (y[0], v[0], 0)
        if between > 1e-9 * v.max():
            # the product of two normals; the centre's own uncertainty reaches each by its weight
            precision = 1 / v + 1 / between
            expected = (y / v + centre / between) / precision
            expected_variance = 1 / precision + (1 / between / precision) ** 2 * centre_variance
        else:
            expected, expected_variance = np.full_like(y, centre), np.full_like(y, centre_variance)
        np.testing.assert_allclose(shrunk[mine], expected, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(error[mine] ** 2, expected_variance, rtol=1e-5, atol=1e-9)


@given(grouped_means())
def test_a_shrunk_mean_lies_between_its_own_and_its_groups(
    data: tuple[Floats, Floats, np.ndarray[Any, Any]],
) -> None:
    means, variances, groups = data
    shrunk, error = shrink(means, variances, groups)
    assert (error > 0).all()
    for group in np.unique(groups):
        mine = groups == group
        y, v = means[mine], variances[mine]
        centre = dersimonian_laird(y, v)[0] if len(y) > 1 else y[0]
        assert (shrunk[mine] >= np.minimum(y, centre) - 1e-7).all()
        assert (shrunk[mine] <= np.maximum(y, centre) + 1e-7).all()


@given(grouped_means(), st.randoms())
def test_the_order_of_the_members_changes_nothing(
    data: tuple[Floats, Floats, np.ndarray[Any, Any]], random: Any
) -> None:
    means, variances, groups = data
    order = random.sample(range(len(means)), len(means))
    here, there = shrink(*data), shrink(means[order], variances[order], groups[order])
    for before, after in zip(here, there, strict=True):
        np.testing.assert_allclose(after, before[order], rtol=1e-9, atol=1e-9)


@given(grouped_means())
def test_a_group_is_shrunk_the_same_whatever_stands_beside_it(
    data: tuple[Floats, Floats, np.ndarray[Any, Any]],
) -> None:
    means, variances, groups = data
    mine = groups == 0
    together = shrink(means, variances, groups)
    alone = shrink(means[mine], variances[mine], groups[mine])
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one[mine], other, rtol=1e-12)


def test_a_single_member_keeps_its_mean_and_its_noise() -> None:
    shrunk, error = shrink(np.array([7.0]), np.array([4.0]), np.array([0]))
    assert shrunk == pytest.approx([7])
    assert error == pytest.approx([2])


def test_equal_means_stay_and_are_known_as_well_as_all_of_them_together() -> None:
    shrunk, error = shrink(np.full(4, 3.0), np.array([1.0, 2.0, 4.0, 4.0]), np.zeros(4, int))
    assert shrunk == pytest.approx([3.0] * 4)
    assert error == pytest.approx([(1 / (1 + 1 / 2 + 1 / 4 + 1 / 4)) ** 0.5] * 4)


def test_the_noisier_mean_is_pulled_further() -> None:
    means, variances = np.array([2.0, 4.0, 9.0, 9.0]), np.array([0.5, 0.5, 0.5, 20.0])
    shrunk, error = shrink(means, variances, np.zeros(4, int))
    assert shrunk[3] < shrunk[2] < 9
    assert error[3] > error[2]


def test_means_without_noise_stay_as_they_are() -> None:
    means = np.array([1.0, 5.0, 2.0])
    shrunk, error = shrink(means, np.zeros(3), np.zeros(3, int))
    assert shrunk == pytest.approx(means)
    assert error == pytest.approx(np.zeros(3), abs=1e-5)


def test_one_mean_without_noise_does_not_become_everybodys() -> None:
    """DerSimonian and Laird's limit as the first variance goes to 0: 100 keeps most of itself."""
    means = np.array([5.0, 100.0])
    centre, _, between = dersimonian_laird(means, np.array([1e-6, 1000.0]))
    expected = (100 / 1000 + centre / between) / (1 / 1000 + 1 / between)
    shrunk, _ = shrink(means, np.array([0.0, 1000.0]), np.zeros(2, int))
    assert shrunk == pytest.approx([5, expected], rel=1e-3)


# ---- a window


def merged(outcomes: dict[tuple[str, str], list[float]]) -> pd.DataFrame:
    """The frame of one window from raw followers per (dimension, value), in the order of names."""
    return pd.DataFrame(
        [
            (*key, len(ys), float(sum(ys)), float(sum(y * y for y in ys)))
            for key, ys in sorted(outcomes.items())
        ],
        columns=["dimension", "value", "sample_size", "sum_followers", "sum_followers2"],
    )


def rated_rows(outcomes: dict[tuple[str, str], list[float]]) -> dict[tuple[str, str], Any]:
    rated = rate_performance(merged(outcomes), SEED)
    return {(row.dimension, row.value): row for row in rated.itertuples()}


WINDOW = {
    ("all", "all"): [0.0, 2, 4, 10, 0, 8, 0, 0],
    ("engagement_tier", "100K+"): [4.0, 10, 8, 0],
    ("engagement_tier", "5K-10K"): [0.0, 2],
    ("engagement_tier", "unknown"): [0.0, 0],
    ("generator", "Coach"): [0.0, 2, 4, 10],
    ("generator", "Story"): [0.0, 8, 0, 0],
}


def test_each_value_is_rated_against_the_average_of_all_replies() -> None:
    rows = rated_rows(WINDOW)
    assert set(rows) == set(WINDOW) - {("all", "all")}
    best = rows["engagement_tier", "100K+"]
    assert best.avg_followers_gained == 22 / 4
    assert best.baseline_followers == 24 / 8
    assert best.roi_score == pytest.approx(100 * 5.5 / 3)
    assert best.performance_tier == "excellent"
    assert best.confidence_score == pytest.approx(4 / 30)
    assert rows["engagement_tier", "5K-10K"].performance_tier == "poor"
    assert rows["generator", "Coach"].performance_tier == "good"
    assert rows["generator", "Story"].performance_tier == "moderate"


def test_unknown_is_counted_and_never_rated() -> None:
    rows = rated_rows(WINDOW | {("engagement_tier", "unknown"): [50.0, 60]})
    row = rows["engagement_tier", "unknown"]
    assert (row.sample_size, row.avg_followers_gained) == (2, 55)
    assert row.confidence_score == pytest.approx(2 / 30)
    assert np.isnan([row.roi_score, row.shrunk_mean, row.interval_low, row.interval_high]).all()
    assert pd.isna(row.performance_tier)
    assert row.rank is None
    without = rated_rows({key: ys for key, ys in WINDOW.items() if "unknown" not in key})
    for key, other in without.items():
        assert rows[key].shrunk_mean == other.shrunk_mean, "nor does it move the others"


@pytest.mark.parametrize("value", ["5K-10K", "unknown", "zebra"])
def test_every_rated_value_has_its_place_in_its_own_dimension(value: str) -> None:
    window = {
        ("all", "all"): [1.0] * 10,
        ("account", "unknown"): [1.0, 3],
        ("account", value): [0.0, 1],
        ("account", "abc"): [8.0, 9],
        ("format", "thread"): [100.0, 90],
        ("format", "single"): [120.0, 110],
        ("posting_hour", "09"): [0.0, 1],
        ("posting_hour", "unknown"): [5.0, 6],
    }
    rows = rated_rows(window)
    for dimension in {key[0] for key in rows}:
        family = [row for key, row in rows.items() if key[0] == dimension]
        known = [row for row in family if row.value != "unknown"]
        best_first = sorted(known, key=lambda row: -row.shrunk_mean)
        assert [row.rank for row in best_first] == list(range(1, len(known) + 1))
        assert all(row.rank is None for row in family if row.value == "unknown")


def test_places_are_whole_numbers_that_json_can_hold() -> None:
    rows = rated_rows(WINDOW)
    places = [row.rank for key, row in rows.items() if key[0] == "engagement_tier"]
    assert json.dumps(places) == "[1, 2, null]"


def test_values_that_share_a_shrunk_mean_are_ranked_by_their_average_then_by_name() -> None:
    """Where noise explains every difference, all are shrunk to the same mean."""
    rows = rated_rows(
        {
            ("all", "all"): [3.0] * 6,
            ("format", "a"): [0.0, 10],
            ("format", "b"): [0.0, 12],
            ("format", "c"): [0.0, 10],
        }
    )
    assert rows["format", "a"].shrunk_mean == pytest.approx(rows["format", "b"].shrunk_mean)
    assert [rows["format", name].rank for name in "bac"] == [1, 2, 3]


def test_a_value_without_a_single_outcome_is_not_rated_and_hurts_nobody() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = rated_rows(WINDOW | {("generator", "Aloof"): []})
    row = rows["generator", "Aloof"]
    assert row.sample_size == row.confidence_score == 0
    assert np.isnan([row.avg_followers_gained, row.roi_score, row.shrunk_mean]).all()
    assert pd.isna(row.performance_tier)
    assert row.rank is None
    assert sorted(rows["generator", name].rank for name in ("Coach", "Story")) == [1, 2]
    assert rows["generator", "Coach"].shrunk_mean == rated_rows(WINDOW)["generator", "Coach"].shrunk_mean


@pytest.mark.parametrize("all_outcomes", [[], [0.0, 0, 0]], ids=["none", "nothing gained"])
def test_a_baseline_of_zero_rates_nobody(all_outcomes: list[float]) -> None:
    window = {("all", "all"): all_outcomes, ("format", "single"): all_outcomes}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        row = rated_rows(window)["format", "single"]
    assert np.isnan(row.roi_score)
    assert pd.isna(row.performance_tier)


RESULTS = {
    "avg_followers_gained",
    "confidence_score",
    "baseline_followers",
    "roi_score",
    "performance_tier",
    "shrunk_mean",
    "interval_low",
    "interval_high",
    "rank",
}


@pytest.mark.parametrize(
    "rows",
    [pytest.param({}, id="nothing"), pytest.param({("all", "all"): [1.0, 2]}, id="the baseline alone")],
)
def test_a_window_without_values_gives_no_rows_but_all_columns(
    rows: dict[tuple[str, str], list[float]],
) -> None:
    rated = rate_performance(merged(rows), SEED)
    assert rated.empty
    assert set(rated.columns) >= RESULTS


def test_without_the_baseline_nothing_is_rated() -> None:
    rated = rate_performance(merged({("format", "single"): [1.0, 2]}), SEED)
    assert rated["roi_score"].isna().all()
    assert rated["performance_tier"].isna().all()


values = st.lists(st.integers(0, 40).map(float), max_size=6)
windows = st.dictionaries(
    st.tuples(st.sampled_from(["account", "format"]), st.sampled_from(["a", "b", "c", "unknown"])),
    values,
    min_size=1,
)


@settings(max_examples=50, deadline=None)
@given(windows, values)
def test_every_window_can_be_rated(
    outcomes: dict[tuple[str, str], list[float]], overall: list[float]
) -> None:
    rated = rate_performance(merged(outcomes | {("all", "all"): overall}), SEED)
    keys = list(zip(rated["dimension"], rated["value"], strict=True))
    assert keys == sorted(outcomes), "the rows come back as they came"
    for row in rated.itertuples():
        raw = outcomes[row.dimension, row.value]
        known = bool(raw) and row.value != "unknown"
        assert row.sample_size == len(raw)
        assert np.isnan(row.shrunk_mean) == (not known)
        assert (row.rank is None) == (not known)
        assert pd.isna(row.performance_tier) == (not known or not sum(overall))
        if known:
            assert row.interval_low >= 0
            assert row.interval_low - 1e-9 <= row.shrunk_mean <= row.interval_high + 1e-9
    for _, family in rated.groupby("dimension"):
        places = sorted(family["rank"].dropna())
        assert places == list(range(1, len(places) + 1))


def standard_error(row: Any) -> float:
    return float(row.interval_high - row.shrunk_mean) / 1.959964


def test_the_interval_of_an_only_value_is_the_textbooks() -> None:
    outcomes = [11.0, 14, 12, 19, 13]
    row = rated_rows({("all", "all"): outcomes, ("format", "single"): outcomes})["format", "single"]
    assert row.shrunk_mean == pytest.approx(fmean(outcomes))
    assert standard_error(row) == pytest.approx(stdev(outcomes) / 5**0.5)
    assert row.interval_low == pytest.approx(row.shrunk_mean - 1.959964 * standard_error(row))


def test_the_noise_of_a_dimension_is_pooled_within_its_values() -> None:
    """Means are equal, so both are known as well as all nine outcomes together."""
    few, many = [5.0, 11, 8], [2.0, 14, 7, 9, 8, 8]
    rows = rated_rows({("all", "all"): few + many, ("format", "a"): few, ("format", "b"): many})
    pooled = (2 * variance(few) + 5 * variance(many)) / (2 + 5)
    for name in "ab":
        assert rows["format", name].shrunk_mean == pytest.approx(8)
        assert standard_error(rows["format", name]) == pytest.approx((pooled / 9) ** 0.5)


def test_where_no_value_repeats_the_noise_is_that_of_a_count_like_the_baseline() -> None:
    row = rated_rows({("all", "all"): [3.0, 5], ("format", "single"): [40.0]})["format", "single"]
    assert row.shrunk_mean == 40
    assert standard_error(row) == pytest.approx(4**0.5)


def test_the_interval_covers_the_true_mean_as_often_as_it_says() -> None:
    """Members with true means of their own, answered 15 to 40 times each, over many windows."""
    rng = np.random.default_rng(11)
    covered = []
    for _ in range(150):
        truths = np.maximum(rng.normal(20, 3, 12), 1)
        window = {
            ("account", f"{n:02}"): rng.poisson(truth, rng.integers(15, 40)).astype(float).tolist()
            for n, truth in enumerate(truths)
        }
        window["all", "all"] = [y for ys in window.values() for y in ys]
        rated = rate_performance(merged(window), SEED).sort_values("value")
        covered += list((rated["interval_low"] <= truths) & (truths <= rated["interval_high"]))
    assert np.mean(covered) == pytest.approx(0.95, abs=0.025)


def test_an_insight_names_the_value_its_average_and_its_rating() -> None:
    rows = rated_rows(WINDOW)
    said = describe(rows["engagement_tier", "100K+"])
    assert said.startswith("100K+: 5.50 followers per reply over 4")
    assert "183% of the baseline (excellent)" in said


def test_an_insight_about_what_is_not_rated_says_so() -> None:
    for row in (
        rated_rows(WINDOW)["engagement_tier", "unknown"],
        rated_rows({("all", "all"): [0.0], ("format", "single"): [0.0]})["format", "single"],
    ):
        said = describe(row)
        assert "not rated" in said
        assert "nan" not in said

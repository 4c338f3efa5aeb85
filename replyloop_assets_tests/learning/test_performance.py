"""The seed's confidence, ROI and tiers; what is believed of a window's values, and by which metric."""

import json
import warnings
from fractions import Fraction
from math import log
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gamma

from replyloop_assets.learning.belief.families import convert
from replyloop_assets.learning.belief.settings import Totals
from replyloop_assets.learning.performance import (
    PerformanceSettings,
    confidence,
    describe,
    performance_tier,
    rate_performance,
    roi,
)

SEED = PerformanceSettings()
SPARSE = 0.1


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


# ---- a window


Outcomes = dict[tuple[str, str], list[float]]


def sums(ys: list[float]) -> tuple[float, ...]:
    """The fields of `Totals`."""
    logs = [log(y) for y in ys if y > 0]
    squares = sum(one**2 for one in logs), sum(y * y for y in ys)
    return len(ys), len(logs), sum(logs), squares[0], sum(ys), squares[1]


def merged(outcomes: Outcomes, visits: Outcomes | None = None) -> pd.DataFrame:
    """The frame of one window from raw followers and visits per (dimension, value), in the order of names."""
    columns = [f"{metric}_{field}" for metric in ("followers", "visits") for field in Totals._fields]
    return pd.DataFrame(
        [
            (0, *key, len(ys), *sums(ys), *sums((visits or {}).get(key, [])))
            for key, ys in sorted(outcomes.items())
        ],
        columns=["window", "dimension", "value", "sample_size", *columns],
    )


def rated_rows(outcomes: Outcomes, visits: Outcomes | None = None) -> dict[tuple[str, str], Any]:
    rated = rate_performance(merged(outcomes, visits), SEED, SPARSE)
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


def test_values_believed_alike_are_ranked_by_name() -> None:
    """The same replies are the same belief and the same average, to the last bit."""
    alike = {("format", name): [0.0, 10] for name in "cab"}
    rows = rated_rows({("all", "all"): [0.0, 10] * 3, **alike})
    assert rows["format", "a"].shrunk_mean == rows["format", "b"].shrunk_mean
    assert [rows["format", name].rank for name in "abc"] == [1, 2, 3]


def test_one_lucky_reply_does_not_lead() -> None:
    """One reply that brought 12 stands behind 20 that brought 8 on average, mostly little, sometimes much."""
    much, little = [0.0, 6, 2, 30, 0, 12, 3, 0, 25, 4] * 2, [0.0, 2, 0, 8, 1, 0, 0, 5, 0, 3] * 2
    window = {("account", f"a{n}"): much if n == 0 else little for n in range(6)} | {
        ("account", "lucky"): [12.0]
    }
    rows = rated_rows(window | {("all", "all"): [y for ys in window.values() for y in ys]})
    lucky, steady = rows["account", "lucky"], rows["account", "a0"]
    assert lucky.avg_followers_gained > steady.avg_followers_gained
    assert (steady.rank, lucky.shrunk_mean < steady.shrunk_mean) == (1, True)
    assert lucky.interval_high / lucky.interval_low > steady.interval_high / steady.interval_low


def sparse_window(seed: int = 2) -> tuple[Outcomes, Outcomes]:
    """Six accounts whose visits differ, and of whose replies one alone brought a follower."""
    rng = np.random.default_rng(seed)
    visits = {("account", f"a{n}"): rng.poisson(1 + n, 25).astype(float).tolist() for n in range(6)}
    followers = {key: [0.0] * 25 for key in visits}
    followers["account", "a0"][3] = 1.0
    for each in (visits, followers):
        each["all", "all"] = [y for ys in list(each.values()) for y in ys]
    return followers, visits


def test_where_hardly_any_reply_brings_a_follower_visits_rank() -> None:
    followers, visits = sparse_window()
    rows = rated_rows(followers, visits)
    assert {row.believed_metric for row in rows.values()} == {"visits"}
    assert [rows["account", f"a{n}"].rank for n in range(6)] == [6, 5, 4, 3, 2, 1]
    for n in range(6):
        row = rows["account", f"a{n}"]
        assert row.interval_low < 1 + n < row.interval_high
        assert "profile visits" in describe(row)
    assert rows["account", "a0"].roi_score == pytest.approx(600), "the seed's figures stay those of followers"
    row = rows["account", "a0"]
    assert row.conversion_low < 1 / sum(visits["all", "all"]) < row.conversion_high
    assert rated_rows(followers)["account", "a0"].believed_metric == "followers", "without visits"


def test_followers_rank_where_enough_replies_bring_some() -> None:
    followers, visits = sparse_window()
    followers["all", "all"][:20] = [1.0] * 20
    row = rated_rows(followers, visits)["account", "a0"]
    assert row.believed_metric == "followers"
    assert np.isnan([row.conversion, row.conversion_low, row.conversion_high]).all()


def test_the_conversion_is_jeffreys_posterior_of_a_poisson_rate() -> None:
    followers, visits = Totals(*np.zeros((6, 1))), Totals(*np.zeros((6, 1)))
    ones = followers._replace(n=np.array([100.0]), sum_y=np.array([4.0]), sum_y2=np.array([4.0]))
    seen = visits._replace(n=np.array([50.0]), sum_y=np.array([150.0]))
    found = convert(ones, seen)
    posterior = gamma(4.5, scale=1 / 300)
    assert (found.low, found.high) == pytest.approx(posterior.interval(0.95), rel=1e-6)
    assert found.mean == pytest.approx(posterior.mean(), rel=1e-6)
    bunched = convert(ones._replace(sum_y2=np.array([16.0])), seen)
    assert bunched.high - bunched.low > found.high - found.low


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
    "believed_metric",
    "conversion",
    "conversion_low",
    "conversion_high",
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
    rated = rate_performance(merged(rows), SEED, SPARSE)
    assert rated.empty
    assert set(rated.columns) >= RESULTS


def test_without_the_baseline_nothing_is_rated() -> None:
    rated = rate_performance(merged({("format", "single"): [1.0, 2]}), SEED, SPARSE)
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
    rated = rate_performance(merged(outcomes | {("all", "all"): overall}), SEED, SPARSE)
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


def test_the_interval_covers_the_true_mean_as_often_as_it_says() -> None:
    """Members with true means of their own, answered 15 to 40 times each, over many windows."""
    rng = np.random.default_rng(11)
    covered = []
    for _ in range(60):
        truths = np.maximum(rng.normal(20, 3, 12), 1)
        window = {
            ("account", f"{n:02}"): rng.poisson(truth, rng.integers(15, 40)).astype(float).tolist()
            for n, truth in enumerate(truths)
        }
        window["all", "all"] = [y for ys in window.values() for y in ys]
        rated = rate_performance(merged(window), SEED, SPARSE).sort_values("value")
        covered += list((rated["interval_low"] <= truths) & (truths <= rated["interval_high"]))
    assert np.mean(covered) == pytest.approx(0.96, abs=0.03)


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

"""Welch's test from sufficient statistics, against scipy's on the raw samples."""

import math
import warnings
from statistics import fmean, variance

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from replyloop_assets.learning.comparison import Moments, lower_tail, two_sided, welch
from replyloop_assets_tests.learning.samples import followers, moments_of, stacked

samples = st.lists(followers, min_size=2, max_size=40)


def varies(sample: list[int]) -> bool:
    return len(set(sample)) > 1


@given(samples)
def test_mean_and_variance_are_those_of_the_raw_sample(sample: list[int]) -> None:
    moments = moments_of(sample)
    assert float(moments.mean) == pytest.approx(fmean(sample))
    assert float(moments.variance) == pytest.approx(variance(sample), rel=1e-6, abs=1e-6)


def test_nothing_counted_has_no_mean_and_one_has_no_variance() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert math.isnan(moments_of([]).mean)
        assert math.isnan(moments_of([]).variance)
        assert moments_of([7]).mean == 7
        assert math.isnan(moments_of([7]).variance)


def test_rounding_never_makes_a_variance_negative() -> None:
    assert Moments(*np.array([3.0, 0.3, 0.03 - 1e-17])).variance >= 0


@given(samples, samples)
def test_welch_is_scipys_on_the_raw_samples(a: list[int], b: list[int]) -> None:
    assume(varies(a) or varies(b))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # one of the samples may be constant
        expected = stats.ttest_ind(b, a, equal_var=False)
        below = stats.ttest_ind(b, a, equal_var=False, alternative="less")
    t, freedom = welch(moments_of(a), moments_of(b))
    assert float(t) == pytest.approx(expected.statistic, rel=1e-6, abs=1e-9)
    assert float(freedom) == pytest.approx(expected.df, rel=1e-6)
    assert float(two_sided(t, freedom)) == pytest.approx(expected.pvalue, rel=1e-5, abs=1e-12)
    assert float(lower_tail(t, freedom)) == pytest.approx(below.pvalue, rel=1e-5, abs=1e-12)


@given(samples, samples)
def test_exchanging_the_groups_turns_the_sign_and_keeps_the_p_value(a: list[int], b: list[int]) -> None:
    assume(varies(a) or varies(b))
    forth, back = welch(moments_of(a), moments_of(b)), welch(moments_of(b), moments_of(a))
    assert float(forth[0]) == pytest.approx(-float(back[0]))
    assert float(two_sided(*forth)) == pytest.approx(float(two_sided(*back)))
    assert float(lower_tail(*forth)) + float(lower_tail(*back)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        pytest.param([4, 4, 4], [4, 4], id="all outcomes equal"),
        pytest.param([4, 4, 4], [9, 9], id="constant but different"),
        pytest.param([0, 0, 0], [0, 0], id="nothing gained by either"),
        pytest.param([5], [1, 2, 3], id="one outcome has no variance"),
        pytest.param([1, 2, 3], [5], id="nor has one of the other"),
        pytest.param([], [1, 2, 3], id="no outcome at all"),
        pytest.param([], [], id="nothing anywhere"),
    ],
)
def test_what_cannot_be_compared_is_nan(a: list[int], b: list[int]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        t, freedom = welch(moments_of(a), moments_of(b))
        assert np.isnan([t, two_sided(t, freedom), lower_tail(t, freedom)]).all()


def test_any_leading_axes_are_compared_entry_by_entry() -> None:
    rng = np.random.default_rng(1)
    a = [[rng.poisson(4, size) for size in (0, 1, 20, 30)] for _ in range(3)]
    b = [[rng.poisson(5, size) for size in (9, 9, 9, 40)] for _ in range(3)]
    together = welch(*(stacked([stacked([moments_of(x) for x in row]) for row in group]) for group in (a, b)))
    assert np.shape(together[0]) == np.shape(together[1]) == (3, 4)
    for i, j in np.ndindex(3, 4):
        alone = welch(moments_of(a[i][j]), moments_of(b[i][j]))
        np.testing.assert_array_equal([part[i, j] for part in together], alone)

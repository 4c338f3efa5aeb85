"""Spending bounds against published tables, and their error and power by simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from replyloop_assets.learning.experiments.sequential import (
    crossing_probabilities,
    obrien_fleming_spending,
    upper_bounds,
)

# one-sided Lan-DeMets bounds of the O'Brien-Fleming type at equally spaced looks: Reboussin, DeMets, Kim and
# Lan (2000) and Jennison and Turnbull (2000), as the R package ldbounds gives them
PUBLISHED = {
    (0.025, 2): [2.9626, 1.9686],
    (0.025, 3): [3.7103, 2.5114, 1.9930],
    (0.025, 4): [4.3326, 2.9631, 2.3590, 2.0141],
    (0.025, 5): [4.8769, 3.3569, 2.6803, 2.2898, 2.0310],
    (0.05, 2): [2.5380, 1.6621],
    (0.05, 5): [4.2292, 2.8881, 2.2981, 1.9618, 1.7397],
}
DAYS = np.arange(1, 61)


@pytest.mark.parametrize(("level", "looks"), PUBLISHED)
def test_the_bounds_are_the_published_ones(level: float, looks: int) -> None:
    fraction = np.arange(1, looks + 1) / looks
    bounds = upper_bounds(fraction, obrien_fleming_spending(fraction, level))
    assert bounds == pytest.approx(PUBLISHED[level, looks], abs=2e-4)


def test_two_looks_against_the_bivariate_normal() -> None:
    information = np.array([30.0, 100.0])
    first, second = upper_bounds(information, np.array([0.01, 0.05]))
    correlation = np.sqrt(0.3)
    joint = stats.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]])
    assert first == pytest.approx(stats.norm.isf(0.01), abs=1e-8)
    assert 1 - joint.cdf([first, second]) == pytest.approx(0.05, abs=1e-6)


def test_the_spending_function_is_that_of_lan_and_demets() -> None:
    spent = obrien_fleming_spending(np.array([0.0, 0.25, 0.5, 1.0, 1.2]), 0.05)
    assert spent[2] == pytest.approx(2 * stats.norm.sf(stats.norm.isf(0.025) / np.sqrt(0.5)))
    assert spent[[0, 3, 4]] == pytest.approx([0, 0.05, 0.05])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=8, max_size=8), st.sampled_from([0.025, 0.05, 0.1]))
def test_whatever_comes_on_each_day_the_error_is_spent_and_no_more(new: list[int], level: float) -> None:
    information = np.cumsum(new).astype(float)
    spent = obrien_fleming_spending(np.arange(1, 9) / 8, level)
    bounds = upper_bounds(information, spent)
    tested = np.isfinite(bounds)
    assert (np.diff(information[tested]) > 0).all(), "nothing new, nothing tested"
    if tested.any():
        crossed = crossing_probabilities(information, bounds, 0).sum()
        assert crossed == pytest.approx(spent[tested][-1], abs=1e-6)


def test_a_prefix_has_the_bounds_of_the_whole_and_a_batch_those_of_each() -> None:
    spent = obrien_fleming_spending(DAYS / 60, 0.05)
    paths = np.stack([DAYS * 9.0, np.cumsum(1 + DAYS % 7)])
    whole = upper_bounds(paths, spent)
    for row, path in zip(whole, paths, strict=True):
        assert upper_bounds(path[:23], spent[:23]).tolist() == row[:23].tolist()


def test_error_and_power_of_sixty_looks_by_simulation() -> None:
    rng = np.random.default_rng(20261121)
    bounds = upper_bounds(DAYS.astype(float), obrien_fleming_spending(DAYS / 60, 0.05))
    walks = rng.standard_normal((40_000, 60)).cumsum(-1)
    for drift in (0.0, 2.5):
        z = (walks + drift * DAYS / np.sqrt(60)) / np.sqrt(DAYS)
        rate = (z >= bounds).any(-1).mean()
        expected = crossing_probabilities(DAYS.astype(float), bounds, drift).sum()
        assert rate == pytest.approx(expected, abs=4 * np.sqrt(0.25 / 40_000))

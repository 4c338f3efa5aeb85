"""Where a pivot explores: what moved by itself is told from what fell with all the rest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import integrate, stats

from replyloop_assets.learning.allocation.doubt import OWN_SD, Level, changed_places, doubts, widened
from replyloop_assets.learning.allocation.settings import AllocationSettings
from replyloop_assets.learning.comparison import Floats
from replyloop_assets_tests.learning.allocation.test_shares import (
    AS_OF,
    LAST,
    allocate_window,
    daily_of,
    evidence_of,
)

SINCE = 6  # the drop began a week ago, the newest day counted
NOTHING = Level(np.zeros(3), np.full(3, 0.02))
moves = arrays(float, 4, elements=st.floats(-2, 2))


def by_quadrature(moved: Floats, variance: Floats) -> float:
    """The marginal likelihood with the common change integrated out by brute force."""
    common = np.linspace(-8, 8, 16_001)[:, None]
    return float(integrate.trapezoid(stats.norm.pdf(moved, common, np.sqrt(variance)).prod(-1), dx=0.001))


@given(moves)
def test_the_odds_are_those_of_the_two_models(moved: Floats) -> None:
    noise = np.array([0.05, 0.1, 0.3, 0.02])
    own, alike = by_quadrature(moved, noise + OWN_SD**2), by_quadrature(moved, noise)
    found = changed_places(Level(np.zeros(4), noise / 2), Level(moved, noise / 2))
    assert found == pytest.approx(own / (own + alike), rel=1e-4, abs=1e-6)


@given(moves, st.floats(-3, 3), st.permutations(range(4)))
def test_what_falls_alike_and_in_which_order_does_not_matter(
    moved: Floats, common: float, order: list[int]
) -> None:
    noise = np.array([0.05, 0.1, 0.3, 0.02])
    found = changed_places(Level(np.zeros(4), noise), Level(moved, noise))
    unmoved = changed_places(Level(np.zeros(4), noise[order]), Level(moved[order] + common, noise[order]))
    assert unmoved == pytest.approx(found, abs=1e-9)


def of_days(dimension: str, before: dict[str, float], since: dict[str, float], n: int = 40) -> list[object]:
    """A dimension's values, each with `n` replies a day that half the time bring this much."""
    rows = []
    for value in before:
        brought = [since[value] if age <= SINCE else before[value] for age in range(40)]
        k = n / 2
        logs = [k * np.log(y) for y in brought]
        squares = [k * (np.log(y) ** 2 + 1.0) for y in brought]
        days = [list(range(LAST, LAST - 40, -1)), [n] * 40, [k] * 40, logs, squares, [k * y for y in brought]]
        rows.append((dimension, value, "followers_gained", *days))
    return rows


HALF = of_days("format", {"single": 8, "thread": 10}, {"single": 4, "thread": 5})
SWAP = of_days("generator", {"a": 12, "b": 8, "c": 6}, {"a": 3, "b": 4, "c": 6})


def test_the_dimension_whose_values_changed_places_is_explored() -> None:
    found = doubts(daily_of(HALF + SWAP), LAST, SINCE)
    assert sum(found.values()) == pytest.approx(1)
    assert found["generator"] > 2 * found["format"] > 0
    explored = [widened(10, 30, found, name) for name in found]
    assert sum(explored) == pytest.approx(2 * 10 + 20)
    assert widened(10, 30, {}, "generator") == 30  # even: all of it everywhere
    only = of_days("search_query", {"all": 8}, {"all": 1})
    assert doubts(daily_of(SWAP + only), LAST, SINCE) == {"generator": 1}


def test_before_any_reply_since_every_dimension_is_explored_alike() -> None:
    rows = daily_of(HALF + SWAP)
    rows["day"] -= 10
    assert doubts(rows, LAST, 0) == pytest.approx({"format": 0.5, "generator": 0.5}, abs=0.15)
    assert doubts(rows.iloc[:0], LAST, 0) == {}


def test_the_pivots_share_is_spent_where_the_doubt_is() -> None:
    evidence = evidence_of(
        format={"single": (9, 31), "thread": (12, 38)}, generator={"a": (9, 31), "b": (2, 8), "c": (4, 9)}
    )
    daily, pivots = daily_of(HALF + SWAP), [(AS_OF.replace(day=1, month=2), None)]
    settings = AllocationSettings()
    even = allocate_window(evidence, daily, pivots, AS_OF, settings)
    told = allocate_window(evidence, daily, pivots, AS_OF, settings, {"generator": 1.0, "format": 0.0})
    explored = {
        name: frame[frame["is_exploration"]].groupby("dimension")["probability"].sum()
        for name, frame in (("even", even), ("told", told))
    }
    assert explored["even"]["format"] == pytest.approx(0.3, abs=0.02)
    assert explored["told"]["format"] == pytest.approx(0.1, abs=0.02)
    assert explored["told"]["generator"] == pytest.approx(explored["even"]["generator"])

"""Where a drop comes from: parts that sum to it, and the sentence that names the largest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from replyloop_assets.learning.comparison import Floats, Moments
from replyloop_assets.learning.health.diagnosis import (
    FELL,
    Compared,
    Group,
    decompose,
    diagnose,
    explain_diagnosis,
    holm,
)

Sides = dict[str, tuple[list[str], Moments, Moments]]  # of a dimension its values, before and now
counts = st.lists(st.tuples(*[st.integers(0, 50)] * 4), min_size=1, max_size=6).filter(
    lambda rows: sum(r[0] for r in rows) > 0 and sum(r[2] for r in rows) > 0
)


@given(counts)
def test_the_parts_sum_to_the_change_of_the_average(rows: list[tuple[int, int, int, int]]) -> None:
    n0, total0, n1, total1 = np.array(rows, float).T
    total0, total1 = total0 * (n0 > 0), total1 * (n1 > 0)
    parts = decompose(Moments(n0, total0, total0), Moments(n1, total1, total1), np.zeros(len(n0), int))
    change = total1.sum() / n1.sum() - total0.sum() / n0.sum()
    assert parts.within.sum() + parts.mix.sum() == pytest.approx(change, abs=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_holm_is_that_of_statsmodels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p_values = rng.random(12) * 10.0 ** -rng.integers(0, 6, 12)
    assert (holm(p_values) == multipletests(p_values, alpha=FELL, method="holm")[0]).all()


def test_an_unknown_p_value_is_no_fall() -> None:
    assert holm(np.array([np.nan, 0.0, np.nan])).tolist() == [False, True, False]


def moments(rng: np.random.Generator, means: list[float], sizes: list[int]) -> Moments:
    groups = [rng.exponential(m, n) for m, n in zip(means, sizes, strict=True)]
    sums: list[Floats] = [np.array([f(g) for g in groups]) for f in (len, np.sum, lambda g: (g**2).sum())]
    return Moments(*(part.astype(float) for part in sums))


def diagnosed(groups: Sides, day_noise: float = 0.0) -> list[Group]:
    """Of one window, which stands beside one that is as noisy and a quiet one, of which nothing changes."""
    keys = [(name, value) for name, (values, *_) in groups.items() for value in values]
    before, now = (
        Moments(
            *(np.concatenate(part) for part in zip(*(sides[n] for sides in groups.values()), strict=True))
        )
        for n in (1, 2)
    )
    window = np.repeat([0, 1, 2], len(keys))
    dimension, value = (list(part) * 3 for part in zip(*keys, strict=True))
    same = [Moments(*(np.concatenate(part) for part in zip(*sides, strict=True))) for sides in (
        (before, before, before), (before, now, now)
    )]  # fmt: skip
    quiet, seen, sure = diagnose(Compared(window, dimension, value, *same), np.array([0.0, day_noise, 0.0]))
    assert not any(one.fell or one.share_of_drop for one in quiet)
    assert len(seen) == len(sure)
    return seen


def told(before: tuple[list[float], list[int]], now: tuple[list[float], list[int]]) -> list[Group]:
    rng = np.random.default_rng(1)
    whole = (["100K+", "5K-10K"], moments(rng, [1, 1], [4000, 4000]), moments(rng, [0.8, 0.8], [400, 400]))
    return diagnosed(
        {
            "generator": (["A", "B", "C"], moments(rng, *before), moments(rng, *now)),
            "engagement_tier": whole,
        }
    )


SIZES = [3000, 3000, 3000]


def test_one_that_fell_alone_is_named_with_its_part() -> None:
    groups = told(([1, 1, 1], SIZES), ([1, 0.3, 1], [300, 300, 300]))
    by_value = {group.value: group for group in groups if group.dimension == "generator"}
    assert by_value["B"].fell
    assert not by_value["A"].fell
    assert by_value["B"].share_of_drop == pytest.approx(1, abs=0.25)
    sentence = explain_diagnosis(groups)
    assert sentence.startswith("Most of it comes from generator B: ")
    assert sentence.endswith("with 33% of the replies.")


def test_a_shift_to_what_brings_less_is_told_from_a_fall() -> None:
    groups = told(([2, 1, 0.2], [6000, 2000, 1000]), ([2, 1, 0.2], [100, 200, 700]))
    assert not any(group.fell for group in groups if group.dimension == "generator")
    mix = sum(group.mix_share or 0 for group in groups if group.dimension == "generator")
    assert mix == pytest.approx(1, abs=0.15)
    assert "generator A went from 67% to 10% of the replies" in explain_diagnosis(groups)


def test_a_fall_of_all_is_spread() -> None:
    groups = told(([1, 1, 1], SIZES), ([0.5, 0.5, 0.5], [300, 300, 300]))
    assert all(group.fell for group in groups if group.dimension == "generator")
    assert explain_diagnosis(groups) == "It is spread over all tiers, account sizes and generators."


def test_without_a_fall_no_shares_are_given() -> None:
    groups = told(([1, 1, 1], SIZES), ([2, 2, 2], [300, 300, 300]))
    generator = [group for group in groups if group.dimension == "generator"]
    assert all(group.share_of_drop is None and not group.fell for group in generator)


def test_a_value_seen_on_one_side_only_and_an_empty_side() -> None:
    rng = np.random.default_rng(2)
    groups = diagnosed(
        {"generator": (["A", "B"], moments(rng, [1, 1], [100, 0]), moments(rng, [1, 1], [50, 50]))}
    )
    assert groups[1].mean_before is None
    assert groups[1].p_value is None
    assert not groups[1].fell
    empty = Moments(*np.zeros((3, 2)))
    assert diagnosed({"generator": (["A", "B"], empty, moments(rng, [1, 1], [9, 9]))}) == []


def test_the_noise_of_days_makes_a_fall_less_sure() -> None:
    rng = np.random.default_rng(3)
    groups = {"generator": (["A"], moments(rng, [1], [3000]), moments(rng, [0.7], [300]))}
    calm, noisy = (diagnosed(groups, noise)[0] for noise in (0.0, 0.05))
    assert calm.p_value is not None
    assert noisy.p_value is not None
    assert calm.p_value < 0.001 < noisy.p_value

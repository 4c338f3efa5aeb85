"""Whether units went where chance sent them: against scipy, and one fault of each kind."""

import numpy as np
import pytest
from scipy import stats

from replyloop_assets.learning.experiments.assignment import Assignment, Served, find_fault, sample_ratio_p


def served(n: int, treated: float, p: float) -> Served:
    return Served(*np.array([[n], [treated], [n * p], [n * p * (1 - p)]], float))


NONE = np.zeros(1)
FAIR = served(1000, 101, 0.1)


@pytest.mark.parametrize(("n", "treated", "p"), [(1000, 101, 0.1), (1000, 140, 0.1), (200, 80, 0.5)])
def test_the_sample_ratio_is_the_chi_square_test(n: int, treated: int, p: float) -> None:
    expected = stats.chisquare([treated, n - treated], [n * p, n * (1 - p)]).pvalue
    assert sample_ratio_p(served(n, treated, p))[0] == pytest.approx(expected)


def test_a_fair_assignment_is_seldom_called_unfair() -> None:
    rng = np.random.default_rng(2)
    p = rng.uniform(0.05, 0.5, 600)
    treated = (rng.random((4000, 600)) < p).sum(-1).astype(float)
    many = np.ones(4000)
    found = sample_ratio_p(Served(600 * many, treated, p.sum() * many, (p * (1 - p)).sum() * many))
    assert (found < 0.05).mean() == pytest.approx(0.05, abs=0.014)


def test_too_few_units_say_nothing() -> None:
    assert np.isnan(sample_ratio_p(served(99, 30, 0.1))[0])
    assert np.isfinite(sample_ratio_p(served(100, 30, 0.1))[0])


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        (Assignment(FAIR, FAIR, NONE, NONE), None),
        (Assignment(served(1000, 150, 0.1), FAIR, NONE, NONE), "150 are in the treatment where 100"),
        (Assignment(FAIR, served(500, 95, 0.1), NONE, NONE), "of 500 units that are judged"),
        (Assignment(FAIR, FAIR, NONE + 1, NONE), "1 unit was exposed to both variants"),
        (Assignment(FAIR, FAIR, NONE, NONE + 2), "2 units were judged under a variant without"),
    ],
)
def test_each_fault_has_its_reason(assignment: Assignment, words: str | None) -> None:
    fault = find_fault(assignment, 0.001)
    assert fault is None if words is None else fault is not None and words in fault[1]


def test_the_first_look_with_a_fault_is_named() -> None:
    fine, later = Served(*np.zeros((4, 5))), np.array([0, 0, 1, 1, 2.0])
    fault = find_fault(Assignment(fine, fine, later, np.array([0, 0, 0, 9, 9.0])), 0.001)
    assert fault is not None
    assert fault[0] == 2
    assert "both variants" in fault[1]

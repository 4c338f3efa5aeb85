"""What is said before the start, against brute force; and what is worth starting at all."""

from math import exp, inf, log

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from replyloop_assets.learning.experiments.design import TYPICAL, Design, Outcomes
from replyloop_assets.learning.experiments.power import better_design, state_power
from replyloop_assets.learning.experiments.rules import rule_of
from replyloop_assets.learning.experiments.settings import ExperimentSettings
from replyloop_assets.learning.experiments.suggestions import knowledge_gradient, suggest

RULE = ExperimentSettings()
find_power, detectable_lift = rule_of(RULE).power, rule_of(RULE).least_lift


def test_a_lift_multiplies_the_mean() -> None:
    def mean(of: Outcomes) -> float:
        return of.positive * exp(of.log_mean + of.log_variance / 2)

    for lift in (-0.3, 0.5, 9.0):
        assert mean(TYPICAL.lifted(lift)) == pytest.approx((1 + lift) * mean(TYPICAL))


def test_the_log_moments_are_those_of_draws() -> None:
    rng = np.random.default_rng(1)
    sizes = np.maximum(np.exp(rng.normal(TYPICAL.log_mean, TYPICAL.log_variance**0.5, 400_000)), 1)
    y = np.log1p(np.where(rng.random(400_000) < TYPICAL.positive, sizes, 0))
    assert TYPICAL.moments() == pytest.approx((y.mean(), y.var()), rel=0.01)


def test_without_an_effect_the_power_is_the_error() -> None:
    assert find_power(TYPICAL, Design(100, 0.1, 60), 0.0, RULE) == pytest.approx(0.05, abs=1e-6)


def test_more_replies_a_better_split_and_a_larger_lift_are_found_more_often() -> None:
    base = find_power(TYPICAL, Design(20, 0.1, 60), 0.5, RULE)
    assert base == pytest.approx(0.65, abs=0.03), "statistics.md: 64% measured"
    assert find_power(TYPICAL, Design(40, 0.1, 60), 0.5, RULE) > base
    assert find_power(TYPICAL, Design(20, 0.5, 60), 0.5, RULE) > base
    assert find_power(TYPICAL, Design(20, 0.1, 60), 0.8, RULE) > base
    assert find_power(TYPICAL, Design(1, 0.1, 60), 5.0, RULE) == 0, "6 treated in all: never 30"


def test_at_the_detectable_lift_the_power_is_reached() -> None:
    least = detectable_lift(TYPICAL, Design(20, 0.1, 60), RULE)
    assert find_power(TYPICAL, Design(20, 0.1, 60), least, RULE) == pytest.approx(0.8, abs=0.01)
    assert detectable_lift(TYPICAL, Design(100_000, 0.5, 60), RULE) == pytest.approx(0.2, abs=0.01), (
        "the gate"
    )
    assert detectable_lift(TYPICAL, Design(1, 0.1, 60), RULE) == inf


def test_the_seeds_power_is_that_of_its_last_look() -> None:
    """Against brute force: how often Welch's test at the end, and the gate, adopt."""
    settings = ExperimentSettings(rule="seed")
    rule, design, lift = rule_of(settings), Design(100, 0.3, 20), 0.6
    rng = np.random.default_rng(7)

    def draw(of: Outcomes, n: int) -> np.ndarray:
        sizes = np.maximum(np.exp(rng.normal(of.log_mean, of.log_variance**0.5, n)), 1)
        return np.where(rng.random(n) < of.positive, sizes, 0)

    adopted = []
    for _ in range(500):
        control, treatment = draw(TYPICAL, 1400), draw(TYPICAL.lifted(lift), 600)
        p_value = stats.ttest_ind(control, treatment, equal_var=False).pvalue
        adopted.append(p_value < 0.05 and treatment.mean() >= 1.2 * control.mean())
    assert rule.power(TYPICAL, design, lift, settings) == pytest.approx(np.mean(adopted), abs=0.15)
    least = rule.least_lift(TYPICAL, design, settings)
    assert rule.power(TYPICAL, design, least, settings) == pytest.approx(0.8, abs=0.01)
    assert "decides oftener than that" in state_power(TYPICAL, design, 0.5, settings).statement
    assert "oftener" not in state_power(TYPICAL, design, 0.5, RULE).statement


def test_a_hopeless_experiment_is_warned_of_with_what_would_help() -> None:
    weak = state_power(TYPICAL, Design(20, 0.1, 60), 0.5, RULE)
    assert weak.warning is not None
    assert "20% treated" in weak.warning
    assert weak.better is not None
    assert detectable_lift(TYPICAL, weak.better, RULE) <= 0.5
    assert state_power(TYPICAL, Design(100, 0.1, 60), 0.5, RULE).warning is None
    longer = better_design(TYPICAL, Design(10, 0.5, 30), 0.5, RULE)
    assert longer is not None
    assert longer.days > 30
    never = state_power(TYPICAL, Design(0.2, 0.1, 60), 0.5, RULE)
    assert never.warning is not None
    assert "more replies are needed" in never.warning
    assert "no lift" in never.statement


def test_the_knowledge_gradient_is_the_expected_gain() -> None:
    for behind, spread in ((0.0, 0.2), (0.3, 0.2), (1.0, 0.1)):
        normal = stats.norm(-behind, spread)
        expected, _ = integrate.quad(lambda x, n=normal: x * n.pdf(x), 0, 5)
        assert knowledge_gradient(np.array(behind), np.array(spread)) == pytest.approx(expected, abs=1e-9)


def arms(*rows: tuple[str, float, int]) -> pd.DataFrame:
    """Arms of one family with this mean log size and so many replies, 40% of which brought any."""
    return pd.DataFrame(
        [
            {
                "dimension": "generator", "value": name, "n": n, "positives": 0.4 * n,
                "sum_y": n * exp(size), "sum_y2": n * exp(2 * size),
                "sum_log": 0.4 * n * size, "sum_log2": 0.4 * n * (size**2 + 1.5),
            }
            for name, size, n in rows
        ]
    )  # fmt: skip


def test_what_is_little_known_and_not_far_behind_is_worth_a_test() -> None:
    family = arms(("known", 1.7, 900), ("rare", 1.6, 20), ("tried", 1.7, 20), ("poor", 1.2, 900))
    found = suggest(family, 50, {("generator", "tried")}, RULE)
    assert found["treatment"].tolist() == ["rare"]
    assert found["control"].tolist() == ["known"]
    assert found["gain"].iloc[0] > RULE.min_information_value
    assert suggest(family, 50, set(), RULE)["treatment"].tolist() == ["tried", "rare"]
    assert suggest(family.sample(frac=1, random_state=1), 50, set(), RULE).equals(
        suggest(family, 50, set(), RULE)
    )


def test_where_nothing_can_be_learnt_nothing_is_suggested() -> None:
    family = arms(("known", 1.7, 900), ("rare", 1.6, 20))
    assert suggest(family, 0.01, set(), RULE).empty, "too few replies to learn from"
    assert suggest(family.head(1), 50, set(), RULE).empty
    assert suggest(family, 50, set(), RULE.changed(min_information_value=log(2))).empty

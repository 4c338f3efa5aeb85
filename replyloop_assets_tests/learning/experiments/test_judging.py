"""The default rule: what each look goes by, what it decides, and the words."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replyloop_assets.learning.comparison import (
    BINS,
    Evidence,
    Moments,
    balanced_z,
    bin_of,
    bin_values,
    capped,
)
from replyloop_assets.learning.experiments.judging import judge
from replyloop_assets.learning.experiments.lift import hurdle_lift, shrunk_lift
from replyloop_assets.learning.experiments.looks import (
    ADOPT,
    CONTINUE,
    REJECT,
    Verdicts,
    first_decision,
)
from replyloop_assets.learning.experiments.rules import rule_of
from replyloop_assets.learning.experiments.rules.seed import look
from replyloop_assets.learning.experiments.settings import ExperimentSettings
from replyloop_assets_tests.learning.samples import moments_of

RULE = ExperimentSettings()


def explain_by_rule(verdicts: Verdicts, at: int, n: float, other: float, settings: ExperimentSettings) -> str:
    return rule_of(settings).explain(verdicts, at, n, other, settings)


def evidence_of(days: list[list[float]]) -> Evidence:
    """The cumulative evidence after each day, from the raw outcomes."""
    so_far = [np.concatenate(days[: n + 1]) for n in range(len(days))]
    parts = [[moments_of(f(y)) for y in so_far] for f in (np.asarray, np.log1p, lambda y: np.log(y[y > 0]))]
    bins = np.array([np.bincount(bin_of(y), minlength=BINS) for y in so_far], float)
    followers, log1p, positive = (Moments(*(np.array(x) for x in zip(*p, strict=True))) for p in parts)
    return Evidence(followers, log1p, positive, bins)


def played(
    lift: float, days: int = 60, control: int = 45, treatment: int = 45, seed: int = 3
) -> list[Evidence]:
    rng = np.random.default_rng(seed)

    def day(n: int, by: float) -> list[float]:
        sizes = np.maximum(1, np.round(np.exp(1.68 + np.log(by) / 2 + 1.3 * rng.standard_normal(n))))
        return list(np.where(rng.random(n) < 0.4 * np.sqrt(by), sizes, 0))

    groups = ((control, 1.0), (treatment, 1 + lift))
    return [evidence_of([day(n, by) for _ in range(days)]) for n, by in groups]


@pytest.mark.parametrize(("lift", "verdict"), [(1.0, ADOPT), (-0.5, REJECT)])
def test_clear_differences_are_decided_long_before_the_end(lift: float, verdict: str) -> None:
    verdicts = judge(*played(lift), RULE)
    at = int(first_decision(verdicts.decision))
    assert at < 30
    assert verdicts.decision[at] == verdict
    assert verdicts.significant[at]


def test_a_verdict_is_the_bound_and_the_two_gates() -> None:
    control, treatment = played(0.6)
    verdicts = judge(control, treatment, RULE)
    beyond = verdicts.statistic >= verdicts.adopt_bound
    enough = verdicts.lift.pct >= 20
    assert ((verdicts.decision == ADOPT) == (beyond & enough)).all()
    assert (verdicts.decision == ADOPT).any()
    few = RULE.changed(min_samples=1 + int(treatment.followers.n[-1]))
    assert (judge(control, treatment, few).decision == CONTINUE).all()
    high = RULE.changed(min_improvement_pct=float(verdicts.lift.pct.max()) + 1)
    assert ADOPT not in judge(control, treatment, high).decision
    edge = int((verdicts.decision == ADOPT).argmax())
    exact = RULE.changed(min_improvement_pct=float(verdicts.lift.pct[edge]))
    assert judge(control, treatment, exact).decision[edge] == ADOPT


def test_an_early_part_of_the_days_is_judged_as_it_was() -> None:
    control, treatment = played(0.3)
    early = [
        Evidence(*(Moments(*(part[:25] for part in m)) for m in group[:3]), group.bins[:25])
        for group in (control, treatment)
    ]
    whole, part = judge(control, treatment, RULE), judge(*early, RULE)
    assert part.decision.tolist() == whole.decision[:25].tolist()
    assert part.adopt_bound.tolist() == whole.adopt_bound[:25].tolist()


def test_the_seeds_rule_decides_as_the_seed_does() -> None:
    control, treatment = played(0.3, control=90, treatment=10)
    seed = judge(control, treatment, RULE.changed(rule="seed"))
    alone = look(control.followers, treatment.followers, RULE)
    assert seed.decision.tolist() == alone.decision.tolist()
    assert seed.significant.tolist() == alone.significant.tolist()
    assert np.isfinite(seed.statistic[-1]), "the sequential statistic stands beside it"


def test_the_capped_statistic_finds_what_only_sizes_show() -> None:
    rng = np.random.default_rng(8)

    def day(by: float) -> list[float]:
        sizes = np.maximum(1, np.round(by * np.exp(1.68 + 1.3 * rng.standard_normal(60))))
        return list(np.where(rng.random(60) < 0.4, sizes, 0))

    control, treatment = (evidence_of([day(by) for _ in range(60)]) for by in (1.0, 2.0))
    verdicts = judge(control, treatment, RULE.changed(statistic="capped"))
    assert ADOPT in verdicts.decision
    assert not np.allclose(verdicts.statistic, judge(control, treatment, RULE).statistic, equal_nan=True)


@given(st.lists(st.integers(0, 15), min_size=2, max_size=40), st.floats(0.5, 1))
def test_the_cap_is_the_quantile_of_both_groups(values: list[int], quantile: float) -> None:
    half = len(values) // 2
    groups = [evidence_of([[float(y) for y in part]]) for part in (values[:half], values[half:])]
    cap = np.quantile(values, quantile, method="inverted_cdf")
    for group, part in zip(capped(groups, quantile), (values[:half], values[half:]), strict=True):
        assert float(group.total[0]) == pytest.approx(np.minimum(part, cap).sum())


@given(st.integers(0, 10**6))
def test_a_bin_holds_the_count_that_it_stands_for(y: int) -> None:
    value = bin_values()[bin_of(np.array(float(y)))]
    assert value == y if y < 16 else value == pytest.approx(y, rel=0.1)


def test_the_skew_of_a_small_group_is_cancelled() -> None:
    rng = np.random.default_rng(4)
    draws = [rng.exponential(1, (20_000, n)) for n in (900, 40)]
    z = balanced_z(*(Moments(np.full(20_000, float(d.shape[1])), d.sum(-1), (d**2).sum(-1)) for d in draws))
    assert (z > 2.4).mean() == pytest.approx((z < -2.4).mean(), abs=0.003)
    assert (np.abs(z) > 1.96).mean() == pytest.approx(0.05, abs=0.006)


def test_the_lift_is_that_of_the_hurdle_and_shrinks_as_bayes_says() -> None:
    control, treatment = played(0.5, control=400, treatment=400)
    estimate, noise = hurdle_lift(control, treatment)
    assert np.exp(estimate[-1]) == pytest.approx(1.5, abs=4 * np.sqrt(noise[-1]))
    wide, narrow = (shrunk_lift(control, treatment, spread) for spread in (10, 0.01))
    assert wide.pct[-1] == pytest.approx(100 * np.expm1(estimate[-1]), abs=8)
    assert abs(narrow.pct[0]) < abs(wide.pct[0])
    assert (wide.low_pct < wide.pct).all()
    assert (wide.pct < wide.high_pct).all()
    assert (np.diff(wide.high_pct - wide.low_pct)[10:] < 1).all()


def test_the_interval_holds_lifts_drawn_from_the_prior() -> None:
    rng = np.random.default_rng(6)
    held = []
    for seed in range(200):
        truth = float(np.exp(rng.normal(0, RULE.lift_spread)))
        control, treatment = played(truth - 1, days=1, control=1800, treatment=300, seed=seed)
        found = shrunk_lift(control, treatment, RULE.lift_spread)
        held.append(found.low_pct[0] <= 100 * (truth - 1) <= found.high_pct[0])
    assert np.mean(held) == pytest.approx(0.95, abs=4 * np.sqrt(0.05 * 0.95 / 200))


def test_nothing_and_sameness_decide_nothing() -> None:
    for values in ([], [0.0] * 50, [7.0] * 50):
        group = evidence_of([values] * 3)
        verdicts = judge(group, group, RULE)
        assert (verdicts.decision == CONTINUE).all()
        n = len(values) * 3
        assert ("do not vary" if n else "30 of each") in explain_by_rule(verdicts, 2, n, n, RULE)


def test_the_reasons_say_what_was_seen_and_why() -> None:
    short = RULE.changed(horizon_days=60)
    for lift, words in ((1.0, "better by at least 20%"), (-0.5, "worse")):
        verdicts = judge(*played(lift), short)
        reason = explain_by_rule(verdicts, int(first_decision(verdicts.decision)), 99, 99, short)
        assert words in reason
        assert "bound" in reason
        assert "likely" in reason
    verdicts = judge(*played(0.0, seed=2), short)
    assert "not yet decided" in explain_by_rule(verdicts, 40, 99, 99, short)
    assert explain_by_rule(verdicts, 59, 99, 99, short).endswith("are over: inconclusive.")
    assert "too early" in explain_by_rule(verdicts, 1, 99, 99, short)
    gate = short.changed(min_improvement_pct=500)
    strict = judge(*played(1.0), gate)
    assert "but not by at least 500%" in explain_by_rule(strict, 59, 99, 99, gate)

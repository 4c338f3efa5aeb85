"""Control against treatment by the seed's gates: 30 of each, 20% better, p below .05."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from replyloop_assets.learning.comparison import Moments
from replyloop_assets.learning.experiments.looks import (
    ADOPT,
    CONTINUE,
    REJECT,
    Looks,
    first_decision,
)
from replyloop_assets.learning.experiments.rules.seed import explain, look
from replyloop_assets.learning.experiments.settings import ExperimentSettings
from replyloop_assets_tests.learning.samples import (
    moments_of,
    moments_with,
    skewed_followers,
    stacked,
)

SEED = ExperimentSettings(rule="seed")
TINY = 1e-9  # a variance at which any difference of the means is significant


def one_look(control: Moments, treatment: Moments, settings: ExperimentSettings = SEED) -> tuple[Looks, str]:
    """The only look of an experiment, with its reason in words."""
    looks = look(stacked([control]), stacked([treatment]), settings)
    return looks, explain(looks, 0, float(control.n), float(treatment.n), settings)


def decision(control: Moments, treatment: Moments, settings: ExperimentSettings = SEED) -> str:
    return str(look(control, treatment, settings).decision)


def test_the_settings_are_the_seeds_numbers() -> None:
    assert SEED.min_samples == 30
    assert SEED.min_improvement_pct == 20
    assert SEED.significance == 0.05
    assert (ADOPT, REJECT, CONTINUE) == ("adopt", "reject", "continue_testing")


@pytest.mark.parametrize(
    ("n_control", "n_treatment", "decided"),
    [(30, 30, True), (29, 30, False), (30, 29, False), (270, 30, True), (1000, 29, False)],
)
@pytest.mark.parametrize(("lift", "verdict"), [(2.0, ADOPT), (0.5, REJECT)])
def test_thirty_of_each_group_are_enough_and_one_fewer_is_not(
    n_control: int, n_treatment: int, decided: bool, lift: float, verdict: str
) -> None:
    control = moments_with(n_control, 4 * n_control, TINY)
    treatment = moments_with(n_treatment, 4 * lift * n_treatment, TINY)
    looks = look(control, treatment, SEED)
    assert str(looks.decision) == (verdict if decided else CONTINUE)
    assert bool(looks.significant) == decided


@pytest.mark.parametrize(
    ("treatment_sum", "verdict"),
    [
        pytest.param(599, CONTINUE, id="19.8% better"),
        pytest.param(600, ADOPT, id="exactly 20% better"),
        pytest.param(601, ADOPT, id="20.2% better"),
        pytest.param(500, CONTINUE, id="no better"),
        pytest.param(499, REJECT, id="0.2% worse"),
    ],
)
def test_twenty_percent_better_adopts_and_any_significant_loss_rejects(
    treatment_sum: int, verdict: str
) -> None:
    control = moments_with(100, 500, TINY)
    assert decision(control, moments_with(100, treatment_sum, TINY)) == verdict


@example(30, 30, 1924, 1)  # where a smaller variance is lost in its sums
@given(st.integers(30, 300), st.integers(30, 300), st.integers(1, 2_000), st.integers(-2, 2))
def test_the_twenty_percent_gate_is_exact_for_counts(
    n_control: int, n_treatment: int, control_sum: int, beyond: int
) -> None:
    """Sums are whole numbers, so the gate is a comparison of whole numbers: no last bit decides."""
    treatment_sum = control_sum * n_treatment * 6 // (n_control * 5) + beyond
    lift = Fraction(treatment_sum * n_control, n_treatment * control_sum) - 1
    if lift <= 0:
        return
    got = decision(moments_with(n_control, control_sum, 1e-6), moments_with(n_treatment, treatment_sum, 1e-6))
    assert got == (ADOPT if lift >= Fraction(20, 100) else CONTINUE)


@pytest.mark.parametrize(("lift", "verdict"), [(1.5, ADOPT), (0.5, REJECT)])
def test_the_p_value_must_lie_below_the_level(lift: float, verdict: str) -> None:
    control, treatment = moments_with(90, 450, 60), moments_with(40, 200 * lift, 60)
    p_value = float(look(control, treatment, SEED).p_value)
    at = ExperimentSettings(significance=p_value)
    above = ExperimentSettings(significance=float(np.nextafter(p_value, 1)))
    assert decision(control, treatment, at) == CONTINUE
    assert decision(control, treatment, above) == verdict


@pytest.mark.parametrize(("lift", "verdict"), [(1.5, ADOPT), (0.5, REJECT)])
def test_five_percent_is_the_level(lift: float, verdict: str) -> None:
    """The variance at which scipy's p crosses .05 is where the decision changes."""
    n = 50

    def p_value(variance: float) -> float:
        group = {"std1": variance**0.5, "std2": variance**0.5, "nobs1": n, "nobs2": n}
        test = stats.ttest_ind_from_stats(mean1=4, mean2=4 * lift, equal_var=False, **group)
        return float(test.pvalue)

    low, high = 1e-6, 1e6
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if p_value(middle) < 0.05 else (low, middle)
    for variance, expected in [(low * 0.999, verdict), (low * 1.001, CONTINUE)]:
        control = moments_with(n, 4 * n, variance)
        assert decision(control, moments_with(n, 4 * lift * n, variance), SEED) == expected


def test_a_control_that_gained_nothing_gives_no_percentage_and_no_decision() -> None:
    control, treatment = moments_of([0] * 60), moments_of([3, 9] * 30)
    looks, reason = one_look(control, treatment)
    assert np.isnan(looks.improvement_pct[0])
    assert looks.p_value[0] < 1e-6
    assert looks.decision[0] == CONTINUE
    assert "not vary" not in reason, "the treatment's outcomes do vary: another reason holds"


@pytest.mark.parametrize("level", [0, 7])
def test_outcomes_that_never_vary_decide_nothing(level: int) -> None:
    looks, reason = one_look(moments_of([level] * 50), moments_of([level] * 50))
    assert looks.decision[0] == CONTINUE
    assert not looks.significant[0]
    assert np.isnan(looks.p_value[0])
    assert "do not vary" in reason


def test_before_the_first_outcome_an_experiment_goes_on() -> None:
    looks, reason = one_look(moments_of([]), moments_of([]))
    assert looks.decision[0] == CONTINUE
    assert reason.startswith("0 control and 0 treatment outcomes")


def test_the_reasons_say_what_was_seen_and_why_it_was_decided() -> None:
    control = moments_with(90, 360, 25)
    _, few = one_look(control, moments_with(29, 200, 25))
    assert "90 control" in few
    assert "29 treatment" in few
    assert "30 of each" in few
    _, better = one_look(control, moments_with(60, 360, 25))
    assert "+50%" in better
    assert "at least 20%" in better
    assert "better" in better
    _, worse = one_look(control, moments_with(60, 120, 25))
    assert "-50%" in worse
    assert "significantly worse" in worse
    _, open_ = one_look(control, moments_with(60, 252, 25))
    assert "+5%" in open_
    assert "not yet" in open_
    for settings in (ExperimentSettings(min_samples=100), ExperimentSettings(min_improvement_pct=80)):
        _, other = one_look(control, moments_with(60, 360, 25), settings)
        assert "adopt" not in other
        assert "better by" not in other


def test_the_reason_shows_the_p_value_of_its_own_look() -> None:
    rng = np.random.default_rng(5)
    control, treatment = (skewed_followers(rng, mean, 200) for mean in (5, 6))
    sizes = (60, 130, 200)
    looks = look(
        stacked([moments_of(control[:n]) for n in sizes]),
        stacked([moments_of(treatment[:n]) for n in sizes]),
        SEED,
    )
    for at, n in enumerate(sizes):
        expected = stats.ttest_ind(treatment[:n], control[:n], equal_var=False).pvalue
        assert f"p = {expected:.3f}" in explain(looks, at, n, n, SEED)


def test_each_days_look_is_welchs_test_on_the_raw_outcomes_so_far() -> None:
    rng = np.random.default_rng(20260301)
    days, experiments = 40, 6
    lifts = [0.4, 0.8, 1.0, 1.3, 2.0, 3.0]
    raw = [
        [
            [skewed_followers(rng, 5 * factor, rng.poisson(rate)) for _ in range(days)]
            for factor, rate in ((1, 18), (lift, 3))
        ]
        for lift in lifts
    ]
    so_far = [
        [[np.concatenate(group[: day + 1]) for day in range(days)] for group in experiment]
        for experiment in raw
    ]
    control, treatment = (
        stacked([stacked([moments_of(day) for day in experiment[group]]) for experiment in so_far])
        for group in (0, 1)
    )
    looks = look(control, treatment, SEED)
    assert looks.p_value.shape == looks.decision.shape == (experiments, days)
    firsts = []
    for e, (controls, treatments) in enumerate(so_far):
        verdicts = []
        for day, (c, t) in enumerate(zip(controls, treatments, strict=True)):
            expected = stats.ttest_ind(t, c, equal_var=False).pvalue
            assert looks.p_value[e, day] == pytest.approx(expected, rel=1e-7)
            lift = 100 * (t.mean() / c.mean() - 1)
            assert looks.improvement_pct[e, day] == pytest.approx(lift, abs=1e-9)
            enough = len(c) >= 30 and len(t) >= 30
            verdict = CONTINUE
            if enough and expected < 0.05 and lift >= 20:
                verdict = ADOPT
            elif enough and expected < 0.05 and lift < 0:
                verdict = REJECT
            verdicts.append(verdict)
        assert looks.decision[e].tolist() == verdicts
        firsts.append(next((i for i, verdict in enumerate(verdicts) if verdict != CONTINUE), days))
    assert first_decision(looks.decision).tolist() == firsts
    assert firsts[0] < days, "the loser is found"
    assert firsts[-1] < days, "the winner is found"
    assert looks.decision[0, firsts[0]] == REJECT
    assert looks.decision[-1, firsts[-1]] == ADOPT


@given(
    st.lists(
        st.lists(st.sampled_from([CONTINUE, CONTINUE, ADOPT, REJECT]), min_size=5, max_size=5),
        min_size=1,
        max_size=4,
    )
)
def test_the_first_decision_is_the_one_that_counts(rows: list[list[str]]) -> None:
    expected = [next((at for at, verdict in enumerate(row) if verdict != CONTINUE), len(row)) for row in rows]
    decisions = np.array(rows)
    assert first_decision(decisions).tolist() == expected
    assert first_decision(decisions[:, None, :]).tolist() == [[at] for at in expected]
    assert int(first_decision(decisions[0])) == expected[0]

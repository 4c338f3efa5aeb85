"""What arms are believed to bring: against exact posteriors, and by what must hold of any."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import expit

from replyloop_assets.learning.belief.estimate import believe
from replyloop_assets.learning.belief.settings import BeliefSettings, Totals
from replyloop_assets.learning.comparison import Floats

RNG = np.random.default_rng


def totals_of(replies: list[Floats]) -> Totals:
    """The sums of each arm's replies."""
    rows = []
    for y in replies:
        logs = np.log(y[y > 0])
        rows.append((len(y), len(logs), logs.sum(), (logs**2).sum(), y.sum(), (y**2).sum()))
    return Totals(*np.array(rows, float).reshape(-1, 6).T)


def family(seed: int, arms: int, replies: int, spread: float = 0.4) -> tuple[Totals, Floats]:
    """Arms of Poisson-like counts with heavy sizes, and the mean of each."""
    rng = RNG(seed)
    level = rng.normal(0, spread, arms)
    hit = rng.random((arms, replies)) < expit(level)[:, None]
    y = np.where(hit, np.maximum(1, np.round(np.exp(rng.normal(1 + level[:, None], 1, hit.shape)))), 0)
    return totals_of(list(y)), y.mean(-1)


@st.composite
def families(draw: st.DrawFn) -> Totals:
    """Any small family of counts."""
    counts = st.lists(st.integers(0, 60), min_size=0, max_size=12)
    replies = draw(st.lists(counts, min_size=1, max_size=8))
    return totals_of([np.array(one, float) for one in replies])


@settings(max_examples=60, deadline=None)
@given(families(), st.randoms())
def test_the_order_of_the_arms_changes_nothing(totals: Totals, random: Any) -> None:
    order = list(range(len(totals.n)))
    random.shuffle(order)
    for part, other in zip(believe(totals), believe(Totals(*(x[order] for x in totals))), strict=True):
        np.testing.assert_allclose(other, part[order], rtol=1e-8)


@settings(max_examples=60, deadline=None)
@given(families())
def test_any_family_has_finite_beliefs_in_order(totals: Totals) -> None:
    belief = believe(totals)
    assert all(np.isfinite(part).all() for part in belief)
    assert (belief.low < belief.mean).all()
    assert (belief.mean < belief.high).all()
    assert (belief.own_sd <= belief.log_sd).all()
    if totals.positives.sum() == 0:
        assert (belief.low == 0).all()
    else:
        assert (belief.low > 0).all()


def test_families_side_by_side_are_believed_as_one_by_one() -> None:
    """Shorter ones are filled up with arms that nobody replied with."""
    members = [family(seed, arms, 10)[0] for seed, arms in ((1, 3), (2, 8), (3, 5))]
    together = believe(Totals(*(np.stack([padded(m[i], 8) for m in members]) for i in range(6))))
    for place, one in enumerate(members):
        for part, alone in zip(together, believe(one), strict=True):
            np.testing.assert_allclose(part[place, : len(alone)], alone, rtol=1e-9)


def padded(part: Floats, length: int) -> Floats:
    return np.concatenate([part, np.zeros(length - len(part))])


def test_evidence_narrows_the_interval_and_draws_the_mean_to_itself() -> None:
    """The same averages seen more often."""
    totals, average = family(4, 8, 15, spread=0.7)
    widths, off = [], []
    for times in (1, 4, 16, 64):
        belief = believe(Totals(*(part * times for part in totals)))
        widths.append(np.log(belief.high / belief.low))
        off.append(np.abs(belief.log_mean - np.log(average)).mean())
    assert (np.diff(widths, axis=0) < 0).all()
    assert off[-1] < off[0]


@pytest.mark.parametrize("n", [3, 6, 10, 30])
def test_a_visit_never_counts_against_an_arm(n: int) -> None:
    """Replies that bring one visit each or none, beside arms that bring one on average."""
    others = [RNG(seed).poisson(1.0, 12).astype(float) for seed in range(7)]
    hits = [np.repeat([1.0, 0.0], [k, n - k]) for k in range(n + 1)]
    means = [believe(totals_of([*others, one])).mean[-1] for one in hits]
    assert means[0] == min(means)
    assert (np.diff(means)[: n // 2] > 0).all()


def test_where_nothing_brought_anything_intervals_begin_at_0() -> None:
    belief = believe(totals_of([np.zeros(n) for n in (3, 10, 200)]))
    assert (belief.low == 0).all()
    assert belief.mean[2] < belief.mean[0]
    assert (belief.high > belief.mean).all()
    assert belief.high[2] < 1


def test_many_replies_say_all() -> None:
    """At 20,000 replies an arm the belief is the average, within its noise."""
    rng = RNG(5)
    replies = [rng.poisson(rate, 20_000).astype(float) for rate in (0.2, 1.0, 4.0)]
    belief = believe(totals_of(replies))
    np.testing.assert_allclose(belief.mean, [y.mean() for y in replies], rtol=0.05)
    assert ((belief.low < [0.2, 1, 4]) & (belief.high > [0.2, 1, 4])).all()


def test_the_rate_of_one_arm_is_its_exact_posterior() -> None:
    """Every hit brings one: log E[y] is log P, whose posterior is an integral over the logit."""
    k, n = 30, 80
    settings = BeliefSettings(outliers=1e-9, spread=1e-6, size_centre=0.0, size_centre_sd=1e-6, misfit=0.0)
    belief = believe(totals_of([np.repeat([1.0, 0.0], [k, n - k])]), settings)

    def density(logit: float) -> float:
        prior = np.exp(-((logit - settings.rate_centre) ** 2) / (2 * settings.rate_centre_sd**2))
        return float(prior * expit(logit) ** k * expit(-logit) ** (n - k))

    def expected(power: int) -> float:
        return quad(lambda x: np.log(expit(x)) ** power * density(x), -8, 6)[0]

    total = expected(0)
    mean = expected(1) / total
    assert belief.log_mean[0] == pytest.approx(mean, abs=0.03)
    sd = np.sqrt(expected(2) / total - mean**2)
    assert belief.log_sd[0] == pytest.approx(sd, rel=0.25)  # its size is not known for certain


def test_one_arm_that_lies_out_is_not_drawn_in() -> None:
    """70 accounts whose replies bring about two visits, and one with 2 in 22 replies."""
    rng = RNG(8)
    usual = [
        rng.poisson(rng.gamma(1.0, rate, n)).astype(float)
        for rate, n in zip(np.exp(rng.normal(0.6, 0.4, 69)), rng.integers(2, 60, 69), strict=True)
    ]
    belief = believe(totals_of([*usual, np.repeat([1.0, 0.0], [2, 20])]))
    assert belief.low[-1] < 0.1 < belief.high[-1]
    assert belief.mean[-1] < 0.3
    close = believe(totals_of([*usual, np.repeat([1.0, 0.0], [2, 20])]), BeliefSettings(outliers=1e-9))
    assert belief.mean[-1] < close.mean[-1]

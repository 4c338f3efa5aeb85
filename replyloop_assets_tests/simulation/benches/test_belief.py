"""The bench of what is shown: families whose means are what they say, and figures against other means."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from replyloop_assets.simulation.benches.belief import BeliefBench, averaged, correlation
from replyloop_assets.simulation.benches.families import Family
from replyloop_assets.simulation.benches.replicate import Samples


def family(metric: str = "followers", replies: int = 480, **changed: float | bool) -> Family:
    usual = {"spread": 0.4, "zeros": 0.6, "sigma": 1.3, "tails": False, "disagree": False} | changed
    return Family(arms=8, replies=replies, metric=metric, **usual)  # type: ignore[arg-type]


def sample(rule: str, of: Family, reps: int = 100) -> Samples:
    return BeliefBench(of, rule).sample(reps, np.random.default_rng(3))


@pytest.mark.parametrize("metric", ["followers", "visits", "engagement", "impressions"])
def test_arms_bring_what_they_are_said_to(metric: str) -> None:
    truth, totals = family(metric, replies=40_000, sigma=0.8).draw(20, np.random.default_rng(1))
    assert (totals.n >= 1).all()
    z = (totals.sum_y - totals.n * truth) / np.sqrt(totals.sum_y2 - totals.sum_y**2 / totals.n)
    assert z.std() == pytest.approx(1, abs=0.2)
    assert abs(z.mean()) < 4 / z.size**0.5
    assert np.log(truth).std() == pytest.approx(0.4, abs=0.08)


def test_where_rates_disagree_the_better_arms_hit_more_seldom() -> None:
    for disagree, sign in ((False, 1), (True, -1)):
        truth, totals = family(replies=20_000, disagree=disagree).draw(20, np.random.default_rng(2))
        hits = totals.positives / totals.n
        assert sign * np.corrcoef(np.log(truth).ravel(), hits.ravel())[0, 1] > 0.5


def test_the_belief_holds_the_truth_and_the_plain_average_less_often() -> None:
    for of in (family(), family("visits", replies=160)):
        believed, plain = (BeliefBench(of, rule).summarise(sample(rule, of)) for rule in ("default", "seed"))
        assert 0.91 < believed["coverage"] < 0.99
        assert plain["coverage"] < 0.92
        assert believed["log_rmse"] < plain["log_rmse"]
        assert believed["tied"] == 0


def test_an_average_is_shown_with_its_own_scatter() -> None:
    y = np.array([[0.0, 3, 1, 8, 0]])
    totals = (
        family()
        .draw(1, np.random.default_rng(1))[1]
        ._replace(n=np.array([[5.0]]), sum_y=y.sum(-1, keepdims=True), sum_y2=(y**2).sum(-1, keepdims=True))
    )
    mean, low, high = averaged(totals)
    half = 1.959964 * y.std(ddof=1) / 5**0.5
    assert (mean[0, 0], low[0, 0], high[0, 0]) == pytest.approx((2.4, max(2.4 - half, 0), 2.4 + half))


def test_ranks_are_spearmans_and_nothing_where_all_are_alike() -> None:
    a, b = np.random.default_rng(4).normal(size=(2, 3, 6)).round(1)
    a[2] = 1.0
    found = correlation(a, b)
    assert found[:2] == pytest.approx([spearmanr(a[row], b[row]).statistic for row in range(2)])
    assert found[2] == 0


def test_the_same_seed_gives_the_same_figures() -> None:
    first, again = (sample("default", family(), reps=10) for _ in range(2))
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])

"""The filter against closed forms, conjugate posteriors and quadrature; and what it notices by itself."""

import numpy as np
import pytest
from scipy import integrate, stats

from replyloop_assets.learning.allocation import belief, hurdle
from replyloop_assets.learning.allocation.belief import believe, fresh, posterior
from replyloop_assets.learning.allocation.hurdle import Daily, alarmed, fold, update
from replyloop_assets.learning.comparison import Floats
from replyloop_assets.simulation.outcomes import size_mean


def played(
    rng: np.random.Generator, rate: Floats, mu: Floats, sigma: Floats | float, replies: int, days: int
) -> Daily:
    """Days (..., days, arms) of hits whose sizes are rounded log-normals, every arm as often."""
    shape = (days, *rate.shape, replies)
    hit = rng.random(shape) < rate[..., None]
    latent = mu[..., None] + np.asarray(sigma)[..., None] * rng.standard_normal(shape)
    log = np.where(hit, np.log(np.maximum(1, np.round(np.exp(latent)))), 0)
    sums = (np.full(hit.shape[:-1], float(replies)), hit.sum(-1).astype(float), log.sum(-1), (log**2).sum(-1))
    return Daily(*(np.moveaxis(part, 0, -2) for part in sums))


def quiet(days: Daily) -> np.ndarray:
    return np.zeros(days.n.shape[-2], bool)


def test_log_means_and_deviations_agree_with_the_truth() -> None:
    """Over many families, (believed - true) / deviation is at most standard normal; contrasts alone count."""
    rng = np.random.default_rng(3)
    families = (300, 6)
    rate = np.clip(0.4 * np.exp(rng.normal(0, 0.15, families)), 0.05, 0.9)
    mu = 1.5 + rng.normal(0, 0.2, families)
    days = played(rng, rate, mu, 1.2, 10, 30)
    found = believe(fold(days, np.ones(families, bool), quiet(days)))
    truth = np.log(rate * size_mean(mu, 1.2))
    error = found.mean - truth
    assert abs(error.mean()) < 0.02
    score = (error - error.mean(-1, keepdims=True)) / found.deviation
    assert 0.7 < score.std() < 1.05
    assert (np.abs(score) < 1.96).mean() > 0.94


def test_sizes_are_a_conjugate_normal_filter() -> None:
    """With the prior held, precision adds up and scores are precision times mean: the textbook posterior."""
    state = fresh(np.ones(3, bool))._replace(begun=np.array(True))
    day = Daily(
        np.full(3, 9.0), np.array([0.0, 4.0, 9.0]), np.array([0.0, 6.0, 9.0]), np.array([0.0, 9.5, 12.0])
    )
    after = update(state, day)
    steady, variance = 0, float(belief.log_variance(state))
    np.testing.assert_allclose(after.size_precision[steady], day.positives / variance)
    np.testing.assert_allclose(after.size_score[steady], day.sum_log / variance)
    prior = stats.norm(0, np.sqrt(belief.USUAL.variance))
    held = posterior(after._replace(centre=state.centre, covariance=state.covariance))
    for arm in range(1, 3):
        n, mean = day.positives[arm], day.sum_log[arm] / day.positives[arm]
        noise = np.sqrt(variance / n)

        def density(b: float, mean: float = mean, noise: float = noise) -> float:
            return float(prior.pdf(b) * stats.norm.pdf(mean, b, noise))

        total = integrate.quad(density, -3, 3)[0]
        expected = integrate.quad(lambda b: b * density(b), -3, 3)[0] / total
        assert held.b[steady, arm] == pytest.approx(expected, rel=1e-6)


def test_the_predictive_likelihood_is_the_marginal_normal() -> None:
    precision, surprise, variance = 4.0, 3.0, 0.3
    observed = surprise / precision  # beyond what was expected
    exact = stats.norm.logpdf(observed, 0, np.sqrt(variance + 1 / precision)) - stats.norm.logpdf(
        0, 0, np.sqrt(1 / precision)
    )
    found = hurdle.predictive(np.array(precision), np.array(surprise), np.array(variance))
    assert found == pytest.approx(exact)


def test_quiet_days_only_widen() -> None:
    rng = np.random.default_rng(1)
    days = played(rng, np.full(4, 0.4), np.full(4, 1.5), 1.2, 20, 20)
    state = fold(days, np.ones(4, bool), quiet(days))
    nothing = Daily(*np.zeros((4, 4)))
    later = state
    for _ in range(30):
        later = update(later, nothing)
    before, after = posterior(state), posterior(later)
    np.testing.assert_allclose(after.a[0], before.a[0], atol=0.15)
    assert (later.rate_precision[2] < state.rate_precision[2]).all()
    np.testing.assert_array_equal(later.rate_precision[0], state.rate_precision[0])


@pytest.mark.parametrize("told", [False, True], ids=["by itself", "by an alarm"])
def test_a_change_is_noticed(told: bool) -> None:
    """The best arm falls to a third: without an alarm its share of belief is gone within ten days."""
    rng = np.random.default_rng(5)
    families = (100, 4)
    rate, mu = np.full(families, 0.4), np.tile([2.2, 1.6, 1.6, 1.6], (100, 1))
    before = played(rng, rate, mu, 1.2, 15, 40)
    fallen = mu.copy()
    fallen[:, 0] -= 1.1
    after = played(rng, rate, fallen, 1.2, 15, 10)
    state = fold(before, np.ones(families, bool), quiet(before))
    assert (believe(state).mean.argmax(-1) == 0).mean() > 0.95
    assert np.median(state.change) < 1
    for at in range(10):
        state = alarmed(state, np.array(True)) if told and at == 2 else state
        state = update(state, Daily(*(part[:, at] for part in after)))
    assert (believe(state).mean.argmax(-1) == 0).mean() < 0.05


def test_padding_is_no_arm() -> None:
    rng = np.random.default_rng(8)
    days = played(rng, np.full(3, 0.4), np.array([1.0, 1.5, 2.0]), 1.2, 20, 15)
    alone = believe(fold(days, np.ones(3, bool), quiet(days)))
    wide = Daily(*(np.pad(part, ((0, 0), (0, 2))) for part in days))
    beside = believe(fold(wide, np.arange(5) < 3, quiet(days)))
    np.testing.assert_allclose(beside.mean[:3], alone.mean, rtol=1e-9)
    np.testing.assert_allclose(beside.deviation[:3], alone.deviation, rtol=1e-9)


def test_leading_axes_are_families_side_by_side() -> None:
    rng = np.random.default_rng(9)
    days = played(rng, np.full((5, 4), 0.4), rng.normal(1.5, 0.3, (5, 4)), 1.2, 12, 20)
    together = believe(fold(days, np.ones((5, 4), bool), quiet(days)))
    for place in range(5):
        one = Daily(*(part[place] for part in days))
        alone = believe(fold(one, np.ones(4, bool), quiet(one)))
        np.testing.assert_allclose(alone.mean, together.mean[place], rtol=1e-12)


def test_arms_whose_tails_differ_are_told_apart() -> None:
    """Equal hits and equal log sizes, wider tails: a wider arm brings more, and is believed to."""
    rng = np.random.default_rng(4)
    sigma = np.tile([0.9, 1.3, 1.7], (50, 1))
    days = played(rng, np.full((50, 3), 0.4), np.full((50, 3), 1.5), sigma, 40, 40)
    found = believe(fold(days, np.ones((50, 3), bool), quiet(days))).mean.mean(0)
    truth = [np.log(size_mean(np.array(1.5), one)) for one in sigma[0]]
    assert np.diff(found) == pytest.approx(np.diff(truth), abs=0.12)


def test_nothing_observed_is_everywhere_the_same() -> None:
    state = fold(Daily(*np.zeros((4, 3, 6))), np.ones(6, bool), np.zeros(3, bool))
    found = believe(state)
    assert np.ptp(found.mean) == 0
    assert np.isfinite(found.deviation).all()


def test_a_week_at_once_is_nearly_its_days() -> None:
    """Old days are folded by the week: what is believed of the arms hardly changes."""
    rng = np.random.default_rng(12)
    days = played(rng, np.full((40, 4), 0.4), rng.normal(1.5, 0.3, (40, 4)), 1.2, 20, 70)
    known = np.ones((40, 4), bool)
    daily = believe(fold(days, known, quiet(days)))
    weeks = Daily(*(part.reshape(40, 10, 7, 4).sum(2) for part in days))
    weekly = believe(fold(weeks, known, np.zeros(10, bool), 7))
    assert np.median(np.abs(weekly.deviation / daily.deviation - 1)) < 0.15
    assert np.median(np.abs(weekly.mean - daily.mean) / daily.deviation) < 0.25


@pytest.mark.parametrize(("arms", "replies"), [(3, 30), (40, 3), (5, 200)])
@pytest.mark.parametrize("prior", [belief.USUAL, belief.VISITED], ids=["followers", "visits"])
@pytest.mark.parametrize(("before", "after"), [(0.0, 0.5), (0.01, 0.5), (0.95, 0.05)])
def test_a_rate_that_leaps_is_followed_and_not_overshot(
    before: float, after: float, prior: belief.Prior, arms: int, replies: int
) -> None:
    """As where a bot tells zeros until its metrics come in."""
    rng = np.random.default_rng(arms)
    families, mu = (20, arms), np.full((20, arms), 1.5)
    days = [
        played(rng, np.full(families, rate), mu, 1.2, replies, length)
        for rate, length in ((before, 60), (after, 20))
    ]
    together = Daily(*(np.concatenate(parts, -2) for parts in zip(*days, strict=True)))
    state = fold(together, np.ones(families, bool), quiet(together), prior=prior)
    level = posterior(state).a[:, 0].mean(-1)
    assert np.abs(level - np.log(after / (1 - after))).max() < 0.35

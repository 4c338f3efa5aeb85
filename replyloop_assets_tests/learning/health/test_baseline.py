"""The usual day: its mean, week and noise, found again where they were put in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from replyloop_assets.learning.comparison import Floats, Moments
from replyloop_assets.learning.health.baseline import Baseline, estimate_baseline

SERIES, DAYS, REPLIES = 60, 90, 50
WEEK = np.array([0.4, 0.3, 0.1, 0.0, -0.1, -0.3, -0.4])


def life(seed: int, day_effect: Floats, replies: int = REPLIES) -> Moments:
    """Normal replies of SD 1 around 2 and each day's own effect, shape (series, days)."""
    rng = np.random.default_rng(seed)
    y = 2 + day_effect[..., None] + rng.normal(0, 1, (SERIES, DAYS, replies))
    return Moments(np.full((SERIES, DAYS), float(replies)), y.sum(-1), (y**2).sum(-1))


def estimate(seed: int, day_effect: Floats) -> Baseline:
    return estimate_baseline(life(seed, day_effect))


def test_without_any_noise_of_days_only_the_replies_count() -> None:
    seen = estimate(1, np.zeros((1, DAYS)))
    assert seen.mean.mean() == pytest.approx(2, abs=0.02)
    assert seen.reply_variance.mean() == pytest.approx(1, abs=0.02)
    assert seen.day_variance.mean() < 0.3 / REPLIES
    assert (seen.rhythm == 0).all(-1).mean() >= 0.8  # no week is seen where there is none
    assert (seen.days == DAYS).all()
    assert (seen.replies == DAYS * REPLIES).all()


def test_a_week_is_found_and_not_taken_for_noise() -> None:
    weekdays = np.tile(WEEK, 20)[:DAYS]  # the day after the last one is day 90, which is 6 weekdays on
    seen = estimate(2, weekdays[None])
    assert seen.rhythm.mean(0) == pytest.approx(np.roll(WEEK, -(DAYS % 7)), abs=0.03)
    assert seen.day_variance.mean() < 0.3 / REPLIES


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_the_noise_of_days_counts_as_it_adds_up(rho: float) -> None:
    """The long-run variance of AR(1) days is (1 + rho) / (1 - rho) times theirs; 7 lags see most of it."""
    rng, sd = np.random.default_rng(3), 0.3
    days = rng.normal(0, sd, (SERIES, DAYS))
    for day in range(1, DAYS):
        days[:, day] = rho * days[:, day - 1] + np.sqrt(1 - rho**2) * days[:, day]
    truth = sd**2 * (1 + rho) / (1 - rho)
    found = estimate(4, days).day_variance.mean()
    assert 0.55 * truth < found < 1.15 * truth


def test_what_was_learned_within_the_months_is_no_noise() -> None:
    """A level that rises from month to month, as a loop that learns makes it, must not dull the detector."""
    month = (DAYS - 1 - np.arange(DAYS)) // 28  # counted from the end
    risen = np.maximum(2 - month, 0) * 0.3
    seen, steady = estimate(6, risen[None]), estimate(6, np.zeros((1, DAYS)))
    assert seen.mean.mean() > steady.mean.mean() + 0.2
    assert seen.day_variance == pytest.approx(steady.day_variance, abs=0.1 / REPLIES)
    # nor much where a step falls into the middle of a month
    step = np.where(np.arange(DAYS) < 48, 0.0, 0.3)
    assert estimate(6, step[None]).day_variance.mean() < 0.3**2


def test_the_correction_for_the_months_means_is_right_on_average() -> None:
    """Without any noise of days the long-run variance is that of the replies, neither less nor more."""
    seen = estimate_baseline(life(7, np.zeros((1, DAYS))), 1.0)
    raw = estimate_baseline(life(8, np.random.default_rng(9).normal(0, 0.3, (SERIES, DAYS))), 1.0)
    assert raw.day_variance.mean() == pytest.approx(0.3**2, rel=0.15)
    assert seen.day_variance.mean() < 0.3 / REPLIES


def test_days_without_replies_change_nothing_but_their_number() -> None:
    daily = life(5, np.zeros((1, DAYS)))
    kept = np.ones(DAYS)
    kept[[3, 40, 41, 42, 80]] = 0
    seen = estimate_baseline(Moments(*(part * kept for part in daily)))
    raw = [part[:, kept > 0].sum(-1) for part in daily]
    assert (seen.days == DAYS - 5).all()
    assert seen.mean == pytest.approx(raw[1] / raw[0])


def test_the_margin_multiplies_the_noise_of_days_alone() -> None:
    daily = life(6, np.random.default_rng(6).normal(0, 0.3, (SERIES, DAYS)))
    plain, wide = estimate_baseline(daily), estimate_baseline(daily, 1.5)
    assert wide.day_variance == pytest.approx(1.5 * plain.day_variance)
    assert wide.reply_variance == pytest.approx(plain.reply_variance)


@given(arrays(float, st.integers(0, 40), elements=st.integers(0, 3)), st.integers(0, 9))
def test_any_series_has_finite_and_no_negative_variances(n: Floats, value: int) -> None:
    seen = estimate_baseline(Moments(n, n * value, n * value**2))
    assert all(np.isfinite(part).all() for part in seen)
    assert seen.reply_variance >= 0
    assert seen.day_variance >= 0

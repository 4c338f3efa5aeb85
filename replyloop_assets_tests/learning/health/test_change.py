"""The detector: thresholds from published run lengths, the fold day by day, and what may not move it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from replyloop_assets.learning.comparison import Floats, Moments
from replyloop_assets.learning.health.baseline import Baseline
from replyloop_assets.learning.health.change import (
    NEVER,
    Watch,
    baselines,
    fold,
    watch_daily,
)
from replyloop_assets.learning.health.settings import HealthSettings
from replyloop_assets.learning.health.thresholds import alarm_threshold, years_between

SETTINGS = HealthSettings()
START = SETTINGS.min_baseline_days


def life(seed: int, days: int, replies: int = 40, drop_at: int = 10_000, series: int = 1) -> Moments:
    """Days of log outcomes that fall by a half; shape (series, days)."""
    rng = np.random.default_rng(seed)
    y = rng.exponential(1.0, (series, days, replies)) * (rng.random((series, days, replies)) < 0.5)
    y[:, drop_at:] /= 2
    return Moments(np.full((series, days), float(replies)), y.sum(-1), (y**2).sum(-1))


def watch(daily: Moments, settings: HealthSettings = SETTINGS, start: int = START) -> Watch:
    return watch_daily(daily, settings, start)


@pytest.mark.parametrize(
    ("k", "h", "days"),
    # one-sided CUSUM in control: twice the two-sided run lengths of Montgomery (2009), table 9.4, k = .5
    [(0.5, 4.0, 2 * 168), (0.5, 5.0, 2 * 465)],
)
def test_thresholds_are_those_of_the_published_run_lengths(k: float, h: float, days: float) -> None:
    threshold = alarm_threshold(np.array(k), 365 / days)
    assert threshold / (2 * k) == pytest.approx(h, abs=0.05)
    assert years_between(threshold, np.array(k)) == pytest.approx(days / 365)


@given(st.floats(0.02, 50), st.floats(0.01, 5))
def test_rarer_alarms_need_more_evidence(k: float, per_year: float) -> None:
    """And some is needed however much a day tells, but never more than log(days), which always suffices."""
    often, seldom = (alarm_threshold(np.array(k), rate) for rate in (per_year, per_year / 3))
    assert 2 < often < seldom
    assert seldom <= np.log(3 * 365 / per_year) + 1e-9


def test_where_days_tell_much_nothing_is_no_alarm() -> None:
    """Thousands of replies a day, and outcomes that are all the same."""
    rng = np.random.default_rng(10)
    n = np.full((20, 400), 5000.0)
    x = 1 + 0.02 * rng.standard_normal(n.shape)
    dense = watch(Moments(n, n * x, n * (x**2 + 1)))
    assert dense.ready[:, 60:].all()
    assert not dense.alarmed.any()
    same = Moments(*(np.full((1, 400), of) for of in (5.0, 5 * np.log(2), 5 * np.log(2) ** 2)))
    assert not watch(same).alarmed.any()
    assert (watch(same).g == 0).all()


@given(
    arrays(float, st.integers(1, 40), elements=st.floats(0, 2)),
    arrays(float, 40, elements=st.integers(0, 3)),
    st.floats(0.5, 2),
)
def test_the_fold_is_pages_recursion(x: Floats, replies: Floats, level: float) -> None:
    """Day by day in plain numbers: up with a shortfall, capped, alarmed until it recovers or for too long."""
    days, settings = len(x), HealthSettings(episode_days=5)
    mean = np.linspace(level, 1, days)
    ones = np.ones((1, days))
    usual = Baseline(mean[None], np.zeros((1, days, 7)), 0.5 * ones, 0.2 * ones, 90 * ones, 90 * ones)
    n = replies[:days]
    seen = fold(n[None], x[None], usual, 1.5 * ones, 2.5 * ones, settings)
    g, rose, raised = 0.0, 0, NEVER
    for day in range(days):
        if raised != NEVER and day - raised >= 5:
            g, raised = 0.0, NEVER
        if g <= 0:
            rose = day
        m = mean[day if raised == NEVER else raised]
        if n[day]:
            step = 0.35 * m * (m - x[day] - 0.175 * m) / (0.5 / n[day] + 0.2)
            g = min(max(0.0, g + step), 2.5)
        if raised == NEVER and g >= 1.5:
            raised = day
        elif raised != NEVER and g < 0.75:
            raised = NEVER
        assert seen[0][0, day] == pytest.approx(g)
        assert (seen[1][0, day], seen[2][0, day]) == (rose, raised)


def test_a_batch_is_its_lives_one_by_one() -> None:
    daily = life(1, 150, drop_at=120, series=6)
    together = watch(daily)
    for i in range(6):
        alone = watch(Moments(*(part[i] for part in daily)))
        for one, all_ in zip(alone, together, strict=True):
            assert np.array_equal(one, all_[i], equal_nan=True)


def test_a_halving_is_seen_in_days_dated_and_confirmed() -> None:
    seen = watch(life(2, 150, drop_at=120, series=50))
    assert seen.alarmed[:, 130].all()
    assert seen.confirmed[:, 135].all()
    assert np.median(np.abs(seen.segment[:, 130] - 120)) <= 1
    assert (seen.episode[:, 140] >= seen.segment[:, 140]).all()
    assert seen.segment_mean[:, 140] == pytest.approx(seen.mean[:, 140] / 2, rel=0.4)
    assert (seen.p_value[:, 140] < 1e-4).all()


def test_an_episode_ends_with_the_recovery() -> None:
    daily = life(3, 190, drop_at=120, series=100)
    healed = life(3, 190, series=100)
    seen = watch(Moments(*(np.c_[a[:, :140], b[:, 140:]] for a, b in zip(daily, healed, strict=True))))
    assert seen.alarmed[:, 139].all()
    assert (~seen.alarmed[:, 175]).mean() >= 0.95
    assert np.isin(seen.episode[:, 139], np.arange(100, 140)).all()


def test_what_lasts_becomes_the_usual() -> None:
    """One episode of 60 days, and the baseline is that of its days alone; a life long, no second of it."""
    daily = life(4, 540, drop_at=120, series=50)
    seen = watch(daily)
    assert seen.alarmed[:, 150].all()
    raised, risen = seen.episode[:, 150], seen.segment[:, 150]
    over = raised + SETTINGS.episode_days
    lives = np.arange(50)
    assert seen.alarmed[lives, over - 1].all()
    assert not seen.alarmed[lives, over].any()
    assert (seen.usual_from[:, :120] == 0).all()
    assert (seen.usual_from[lives, over] == risen).all()
    for i in range(5):
        own = slice(risen[i], over[i] - SETTINGS.baseline_gap_days + 1)
        assert seen.mean[i, over[i]] == pytest.approx(daily.total[i, own].sum() / daily.n[i, own].sum())
    begun = np.array([len(np.unique(one[one > 120])) for one in seen.episode])
    assert (begun == 1).mean() >= 0.6  # by chance .4 episodes a year are one of nothing
    assert np.mean([(one > stop).any() for one, stop in zip(seen.episode[:, :240], over, strict=True)]) <= 0.1


def test_a_further_drop_is_found_by_the_new_level() -> None:
    daily = life(4, 260, drop_at=120, series=50)
    further = life(14, 260, series=50)
    seen = watch(Moments(*(np.c_[a[:, :220], b[:, 220:] * left] for a, b, left in zip(
        daily, further, (1, 0.25, 0.0625), strict=True))))  # fmt: skip
    assert (seen.usual_from[:, 219] > 0).all()
    assert (seen.episode[:, 240] >= 220 - 5).mean() >= 0.95
    assert (seen.segment_mean[:, 240] < seen.mean[:, 240]).all()


def test_lives_without_an_episode_of_that_age_are_as_they_were() -> None:
    """Nothing is masked in them, whether or not another life beside them has one."""
    quiet, fallen = life(15, 320, series=5), life(4, 320, drop_at=120, series=1)
    alone, beside = watch(quiet), watch(Moments(*map(np.concatenate, zip(quiet, fallen, strict=True))))
    assert (alone.usual_from == 0).all()
    assert beside.usual_from[-1].any()
    for one, both in zip(alone, beside, strict=True):
        assert np.array_equal(one, both[:-1], equal_nan=True)


def test_a_day_without_outcomes_changes_nothing() -> None:
    daily = life(5, 140, drop_at=120)
    gap = np.ones(140)
    gap[130:135] = 0
    seen = watch(Moments(*(part * gap for part in daily)))
    assert np.ptp(seen.g[0, 129:135]) == 0
    assert np.ptp(seen.segment_replies[0, 129:135]) == 0


def test_the_last_14_days_are_no_part_of_their_own_baseline() -> None:
    daily = life(6, 140)
    other = Moments(daily.n, daily.total.copy(), daily.squares.copy())
    other.total[:, -14:] *= 0.1
    always = np.zeros((1, 140 - START), int)
    a, b = (baselines(one, always, START, SETTINGS) for one in (daily, other))
    assert a.mean[0, -1] == b.mean[0, -1]
    assert a.usual_variance[0, -1] == b.usual_variance[0, -1]
    other.total[:, -15] *= 0.1
    assert baselines(other, always, START, SETTINGS).mean[0, -1] < a.mean[0, -1]


def test_too_short_a_past_is_not_judged() -> None:
    seen = watch(life(7, 60, drop_at=30), start=0)
    first = START + SETTINGS.baseline_gap_days - 1
    assert not seen.ready[0, :first].any()
    assert seen.ready[0, first:].all()
    assert not seen.alarmed[0, :first].any()


def test_a_pivot_needs_30_replies() -> None:
    few = life(8, 135, replies=2, drop_at=120, series=200)
    few.total[:, 120:] = 0
    seen = watch(few, HealthSettings(false_alarms_per_year=20, false_pivots_per_year=10))
    assert seen.alarmed[:, 134].any()
    assert not seen.confirmed[seen.segment_replies < 30].any()
    assert watch(few, HealthSettings(false_alarms_per_year=20, false_pivots_per_year=10, pivot_min_samples=4)
                 ).confirmed[seen.segment_replies < 30].any()  # fmt: skip


@pytest.mark.parametrize("drop_at", [10_000, 300])
def test_a_window_of_the_stage_says_what_the_whole_life_says(drop_at: int) -> None:
    """The stage folds a window; the same verdict, and the same episode, whether a drop came or none."""
    daily, window = life(9, 480, drop_at=drop_at, series=8), SETTINGS.window_days
    whole = watch(daily)
    for last in range(window, 480, 6):
        part = Moments(*(x[:, last - window : last] for x in daily))
        seen = watch(part, start=window - SETTINGS.fold_days)
        assert np.array_equal(seen.alarmed[:, -1], whole.alarmed[:, last - 1])
        begun = np.where(seen.alarmed[:, -1], seen.episode[:, -1] + last - window, NEVER)
        assert np.array_equal(begun, whole.episode[:, last - 1])

"""What the replies' weights alone say of a policy: closed forms, every log there can be, known truths."""

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import optimize

from replyloop_assets.learning.comparison import Floats
from replyloop_assets.learning.evaluation.propensity import (
    DRIFT_SD,
    evaluate_by_propensity,
    weigh_blocks,
)
from replyloop_assets.learning.evaluation.settings import EvaluationSettings

DEFAULTS = EvaluationSettings()
UNCAPPED = EvaluationSettings(cap_quantile=1.0)
Ints = NDArray[np.intp]


def draw_log(rng: np.random.Generator, offered: Floats, means: Floats) -> tuple[Ints, Floats]:
    """The arms chosen with these probabilities, and Poisson outcomes with the arms' means."""
    chosen = (rng.random((*offered.shape[:-1], 1)) > offered.cumsum(-1)[..., :-1]).sum(-1)
    mean = np.take_along_axis(np.broadcast_to(means, offered.shape), chosen[..., None], -1)[..., 0]
    return chosen, rng.poisson(mean).astype(float)


def learning_policy(replies: int) -> Floats:
    """Three arms' probabilities over a log: even at first, the second arm's nearly all at last."""
    second = np.linspace(1 / 3, 0.9, replies)
    return np.stack([(1 - second) / 2, second, (1 - second) / 2], -1)


# --- closed forms -----------------------------------------------------------------------------------


def test_the_logged_policy_is_worth_itself_for_sure() -> None:
    offered = learning_policy(500)
    chosen, y = draw_log(np.random.default_rng(1), offered, np.array([1.0, 3.0, 2.0]))
    same = evaluate_by_propensity(np.tile(offered[0], (500, 1)), chosen, y, offered[0], DEFAULTS)
    assert same.value == pytest.approx(y.mean(), rel=0.02)
    np.testing.assert_allclose([same.ratio, same.low, same.high, same.bound], 1, rtol=1e-12)
    assert same.ess == pytest.approx(500)


def test_constant_probabilities_give_the_arms_means_weighed_by_how_often_each_came() -> None:
    offered = np.array([0.5, 0.3, 0.2])
    target = np.array([0.1, 0.2, 0.7])
    chosen, y = draw_log(np.random.default_rng(2), np.tile(offered, (400, 1)), np.array([1.0, 3.0, 2.0]))
    n = np.bincount(chosen, minlength=3)
    weights = n * target / offered
    value = (weights * np.bincount(chosen, y, 3) / n).sum() / weights.sum()
    found = evaluate_by_propensity(np.tile(offered, (400, 1)), chosen, y, target, UNCAPPED)
    assert found.value == pytest.approx(value)
    assert found.logged == pytest.approx(y.mean())
    assert found.ratio == pytest.approx(value / y.mean())
    assert found.ess == pytest.approx(weights.sum() ** 2 / (n * (target / offered) ** 2).sum())


def test_all_on_one_arm_tells_no_more_than_that_arms_replies() -> None:
    offered = np.tile([0.25, 0.75], (300, 1))
    chosen, y = draw_log(np.random.default_rng(3), offered, np.array([2.0, 3.0]))
    found = evaluate_by_propensity(offered, chosen, y, np.array([1.0, 0.0]), UNCAPPED)
    assert found.value == pytest.approx(y[chosen == 0].mean())
    assert found.ess == pytest.approx((chosen == 0).sum())


def test_the_error_is_that_of_the_jackknife() -> None:
    offered = learning_policy(600)
    target = np.array([0.6, 0.3, 0.1])
    chosen, y = draw_log(np.random.default_rng(4), offered, np.array([2.0, 3.0, 1.0]))
    kept = np.array([np.delete(np.arange(600), n) for n in range(600)])
    without = evaluate_by_propensity(
        offered[kept], chosen[kept], y[kept], np.tile(target, (600, 1)), UNCAPPED
    )
    logs = np.log(without.ratio)
    jackknife = np.sqrt(599 / 600 * ((logs - logs.mean()) ** 2).sum())
    found = evaluate_by_propensity(offered, chosen, y, target, UNCAPPED)
    error = np.log(found.high / found.low) / 2 / 1.959964
    assert error >= 0.98 * jackknife  # what may have moved between the blocks comes on top
    assert error == pytest.approx(jackknife, rel=0.25)
    assert np.log(found.ratio / found.bound) / error == pytest.approx(1.644854, rel=1e-4)


def test_followers_above_the_cap_count_as_the_cap() -> None:
    y = np.r_[np.zeros(50), np.ones(49), 1000.0]
    offered, chosen = np.full((100, 2), 0.5), np.tile([0, 1], 50)
    even, capped = np.array([0.5, 0.5]), EvaluationSettings(cap_quantile=0.9)
    found = evaluate_by_propensity(offered, chosen, y, even, capped)
    assert found.logged == 0.5
    rare = evaluate_by_propensity(offered, chosen, (y > 1) * 5.0, even, capped)
    assert rare.logged == 0.01


# --- every log there can be -------------------------------------------------------------------------


def all_logs(offered: Floats, outcomes: Floats) -> tuple[Floats, Ints, Floats]:
    """Each sequence of choices with its chance, and the outcomes it would have had."""
    replies, arms = offered.shape
    chosen = np.array(list(product(range(arms), repeat=replies)))
    at = np.arange(replies)
    return offered[at, chosen].prod(-1), chosen, outcomes[at, chosen]


def test_enumerated_logs_agree_with_the_definition() -> None:
    offered, target = np.tile([0.7, 0.3], (4, 1)), np.array([0.2, 0.8])
    outcomes = np.array([[1.0, 4.0], [2.0, 5.0], [3.0, 1.0], [0.0, 2.0]])
    chance, chosen, y = all_logs(offered, outcomes)
    assert chance.sum() == pytest.approx(1)
    found = evaluate_by_propensity(
        np.tile(offered, (16, 1, 1)), chosen, y, np.tile(target, (16, 1)), UNCAPPED
    )
    for n in range(16):
        weights = [target[arm] / offered[0, arm] for arm in chosen[n]]
        expected = sum(w * brought for w, brought in zip(weights, y[n], strict=True)) / sum(weights)
        assert found.value[n] == pytest.approx(expected)
        assert found.ess[n] == pytest.approx(sum(weights) ** 2 / sum(w**2 for w in weights))


def test_the_expectation_over_all_logs_nears_the_truth_as_they_grow() -> None:
    target, means = np.array([0.8, 0.2]), np.array([1.0, 4.0])
    truth = (target * means).sum()
    bias = []
    for replies in (2, 6, 12):
        offered = np.stack([np.linspace(0.5, 0.8, replies), np.linspace(0.5, 0.2, replies)], -1)
        chance, chosen, y = all_logs(offered, np.tile(means, (replies, 1)))
        tiled = np.broadcast_to(offered, (len(chosen), *offered.shape))
        found = evaluate_by_propensity(tiled, chosen, y, np.tile(target, (len(chosen), 1)), UNCAPPED)
        assert chance.sum() == pytest.approx(1)
        bias.append(abs((chance * found.value).sum() - truth))
    assert bias[2] < bias[1] < bias[0]
    assert bias[2] < 0.02 * truth


# --- how much each block counts ----------------------------------------------------------------------


def test_blocks_count_so_that_the_average_is_as_sure_as_can_be() -> None:
    """Against a general optimiser, for a walk whose steps are those assumed before any evidence."""
    scatter = np.array([1.0, 1.5, 2.0, 8.0, 20.0])
    trust, drift = weigh_blocks(np.ones(5), scatter, np.ones(5))
    step = DRIFT_SD**2 / 5

    def drifted(part: Floats) -> float:
        return float(step * ((part - 0.2).cumsum()[:-1] ** 2).sum())

    best = optimize.minimize(
        lambda part: (scatter * part**2).sum() + drifted(part),
        np.full(5, 0.2),
        bounds=[(0, 1)] * 5,
        constraints={"type": "eq", "fun": lambda part: part.sum() - 1},
        tol=1e-12,
    )
    np.testing.assert_allclose(trust, best.x, atol=1e-5)
    assert drift == pytest.approx(drifted(trust))
    assert trust[4] > (1 / scatter / (1 / scatter).sum())[4]  # lest what moved at the end be missed


def test_where_probabilities_do_not_change_every_reply_counts_alike() -> None:
    rng = np.random.default_rng(8)
    trust, drift = weigh_blocks(rng.random((3, 500)), np.full((3, 500), 4.0), rng.poisson(3, (3, 500)) * 1.0)
    np.testing.assert_allclose(trust * 500, 1, rtol=0.15)  # blocks are of 8 or 9 replies
    np.testing.assert_allclose(trust.sum(-1), 1)
    assert drift.max() < 1e-4


# --- worlds of known truth --------------------------------------------------------------------------


@pytest.mark.parametrize("moves", [False, True], ids=["steady", "the arms change places"])
def test_the_interval_holds_the_truth(moves: bool) -> None:
    rng = np.random.default_rng(5)
    offered, target = learning_policy(600), np.array([0.9, 0.05, 0.05])
    means = np.tile([2.0, 3.0, 1.0], (600, 1))
    if moves:
        means[400:] = [1.0, 3.0, 2.0]
    truth = (target * means).sum() / (offered * means).sum()
    logs = np.broadcast_to(offered, (500, 600, 3))
    chosen, y = draw_log(rng, logs, means)
    found = evaluate_by_propensity(logs, chosen, y, np.tile(target, (500, 1)), DEFAULTS)
    covered = ((found.low <= truth) & (truth <= found.high)).mean()
    assert covered >= (0.9 if moves else 0.93)
    assert moves or (found.bound > truth).mean() <= 0.075


def test_logs_side_by_side_are_what_each_is_alone() -> None:
    rng = np.random.default_rng(6)
    logs = np.stack([learning_policy(90), np.full((90, 3), 1 / 3)])
    chosen, y = draw_log(rng, logs, np.array([1.0, 2.0, 3.0]))
    targets = np.array([[0.5, 0.5, 0.0], [0.1, 0.1, 0.8]])
    both = evaluate_by_propensity(logs, chosen, y, targets, DEFAULTS)
    for n in range(2):
        alone = evaluate_by_propensity(logs[n], chosen[n], y[n], targets[n], DEFAULTS)
        np.testing.assert_array_equal([x[n] for x in both], alone)

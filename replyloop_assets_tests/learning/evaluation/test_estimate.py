"""What a policy never played is worth: where the model is right, where arms drift, and where it is wrong."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from replyloop_assets.learning.comparison import Floats
from replyloop_assets.learning.evaluation.drift import STEPS, centred, drifted
from replyloop_assets.learning.evaluation.estimate import (
    ADOPT,
    KEEP,
    REFUSE,
    Evaluation,
    conditional,
    evaluate,
    judge,
)
from replyloop_assets.learning.evaluation.propensity import evaluate_by_propensity
from replyloop_assets.learning.evaluation.replies import Replies, relative_variance
from replyloop_assets.learning.evaluation.settings import EvaluationSettings
from replyloop_assets.simulation.outcomes import draw_followers

DEFAULTS = EvaluationSettings()
MEANS = np.array([3.0, 6.0, 4.0])
Ints = NDArray[np.intp]


def draw_log(rng: np.random.Generator, offered: Floats, means: Floats) -> tuple[Ints, Floats]:
    """The arms chosen with these probabilities, and what replies with these means bring."""
    chosen = (rng.random((*offered.shape[:-1], 1)) > offered.cumsum(-1)[..., :-1]).sum(-1)
    mean = np.take_along_axis(np.broadcast_to(means, offered.shape), chosen[..., None], -1)[..., 0]
    return chosen, draw_followers(mean, np.full(mean.shape, 0.4), 1.3, rng)


def learning_policy(replies: int) -> Floats:
    """Three arms' probabilities over a log: even at first, the second arm's nearly all at last."""
    second = np.linspace(1 / 3, 0.9, replies)
    return np.stack([(1 - second) / 2, second, (1 - second) / 2], -1)


def coverage(found: Evaluation, truth: Floats | float) -> float:
    return float(((found.low <= truth) & (truth <= found.high)).mean())


def test_what_was_logged_is_worth_itself() -> None:
    offered = np.tile([0.2, 0.5, 0.3], (800, 1))
    chosen, y = draw_log(np.random.default_rng(1), offered, MEANS)
    same = evaluate(offered, chosen, y, offered[0], DEFAULTS)
    assert same.ratio == pytest.approx(1, abs=0.03)
    assert same.low < 1 < same.high
    assert same.logged == pytest.approx(y.mean())
    assert same.value == pytest.approx(same.ratio * y.mean())


@pytest.mark.parametrize("moves", [False, True], ids=["steady", "the arms change places"])
def test_the_interval_holds_the_truth_and_the_estimate_is_truer_than_the_weights_alone(moves: bool) -> None:
    offered, target = learning_policy(900), np.array([0.9, 0.05, 0.05])
    means = np.tile(MEANS, (900, 1))
    if moves:
        means[600:] = MEANS[[1, 0, 2]]
    truth = float((target * means).sum() / (offered * means).sum())
    logs = np.broadcast_to(offered, (200, 900, 3))
    chosen, y = draw_log(np.random.default_rng(5), logs, means)
    targets = np.tile(target, (200, 1))
    found = evaluate(logs, chosen, y, targets, DEFAULTS)
    alone = evaluate_by_propensity(logs, chosen, y, targets, DEFAULTS)
    assert coverage(found, truth) >= 0.92
    error, error_alone = (np.sqrt(np.mean(np.log(one.ratio / truth) ** 2)) for one in (found, alone))
    assert error < error_alone


def test_where_the_model_is_wrong_the_replies_decide() -> None:
    """On good days only two arms are offered: by what they brought then, they look better than they are."""
    rng = np.random.default_rng(3)
    good = rng.random((60, 3000)) < 0.5
    factor = np.where(good, 2.0, 0.7)[..., None]
    offered = np.where(good[..., None], [0.6, 0.4, 0.0], [0.2, 0.3, 0.5])
    chosen, y = draw_log(rng, offered, MEANS * factor)
    target = np.tile([0.2, 0.7, 0.1], (60, 1))
    wanted = conditional(target, offered)
    truth = (wanted * MEANS * factor).sum((-1, -2)) / (offered * MEANS * factor).sum((-1, -2))
    found = evaluate(offered, chosen, y, target, DEFAULTS)
    model = (wanted.mean(1) * brought(chosen, y)).sum(-1) / (offered.mean(1) * brought(chosen, y)).sum(-1)
    assert abs(np.log(found.ratio / truth).mean()) < 0.75 * abs(np.log(model / truth).mean())
    assert coverage(found, truth) >= 0.8


def brought(chosen: Ints, y: Floats) -> Floats:
    """Each arm's plain mean."""
    one = chosen[..., None] == np.arange(3)
    return np.asarray((one * y[..., None]).sum(1) / one.sum(1))


def test_arms_that_hardly_came_are_known_by_their_like_or_refused() -> None:
    rng = np.random.default_rng(9)
    offered = np.tile([0.98, 0.02], (1500, 1))
    chosen, y = draw_log(rng, offered, np.array([5.0, 5.0]))
    found = evaluate(offered, chosen, y, np.array([0.1, 0.9]), DEFAULTS)
    assert found.low < 1 < found.high
    few = evaluate(offered[:60], chosen[:60], y[:60], np.array([0.1, 0.9]), DEFAULTS)
    assert judge(few, DEFAULTS)[0] == REFUSE


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), order=st.permutations(range(3)))
def test_the_arms_names_and_the_unit_of_what_they_bring_do_not_matter(seed: int, order: list[int]) -> None:
    offered = learning_policy(200)
    chosen, y = draw_log(np.random.default_rng(seed), offered, MEANS)
    target = np.array([0.5, 0.2, 0.3])
    found = evaluate(offered, chosen, y, target, DEFAULTS)
    renamed = np.argsort(order)[chosen]
    other = evaluate(offered[:, order], renamed, y, target[order], DEFAULTS)
    np.testing.assert_allclose(other, found, rtol=1e-6)


def test_logs_side_by_side_are_what_each_is_alone() -> None:
    logs = np.stack([learning_policy(90), np.full((90, 3), 1 / 3)])
    chosen, y = draw_log(np.random.default_rng(6), logs, MEANS)
    targets = np.array([[0.5, 0.5, 0.0], [0.1, 0.1, 0.8]])
    both = evaluate(logs, chosen, y, targets, DEFAULTS)
    for n in range(2):
        alone = evaluate(logs[n], chosen[n], y[n], targets[n], DEFAULTS)
        np.testing.assert_allclose([x[n] for x in both], alone, rtol=1e-9)


def test_replies_that_brought_nothing_tell_nothing() -> None:
    found = evaluate(np.full((50, 2), 0.5), np.arange(50) % 2, np.zeros(50), np.array([1.0, 0.0]), DEFAULTS)
    assert np.isnan(found.ratio)
    assert judge(found, DEFAULTS)[1].startswith("Not enough overlap: none of the 50 replies brought")


# --- drift ------------------------------------------------------------------------------------------


def test_the_walk_is_predicted_as_a_gaussian_of_all_blocks_at_once() -> None:
    """Against the conditional Gaussian by its whole covariance matrix, with the walk's size known."""
    rng = np.random.default_rng(2)
    replies, blocks = 600, 60
    offered = learning_policy(replies)
    chosen, y = draw_log(rng, offered, MEANS)
    log = Replies.of(offered, chosen)
    wanted = np.tile([0.2, 0.3, 0.5], (replies, 1))
    noise = relative_variance(log.totals(y))
    found = drifted(log, y, wanted, noise)
    n, total = log.by_block(np.ones(replies)), log.by_block(y)
    for arm in range(3):
        share = n[arm] / n[arm].sum()
        seen = n[arm] > 0
        above = total[arm][seen] / n[arm][seen] / (total[arm].sum() / n[arm].sum()) - 1
        off = np.full(blocks, 1 / blocks) - share
        each = []
        for step in STEPS:
            walk = step * centred(blocks, share[None])[0]
            joint = np.block([[np.atleast_2d(off @ walk @ off), off @ walk[:, seen]],
                              [(walk @ off)[seen, None], walk[np.ix_(seen, seen)]]])  # fmt: skip
            joint[1:, 1:] += np.diag(noise / n[arm][seen])
            gain = np.linalg.solve(joint[1:, 1:], joint[1:, 0])
            fit = stats.multivariate_normal.logpdf(above, np.zeros(seen.sum()), joint[1:, 1:])
            each.append((fit, gain @ above, joint[0, 0] - gain @ joint[1:, 0]))
        means = np.array(each)[:, 1]
        assert means.min() - 1e-6 <= found.factor[arm] - 1 <= means.max() + 1e-6
        assert 0 < found.variance[arm] <= np.array(each)[:, 2].max() + np.ptp(means) ** 2


def test_a_walk_is_about_its_mean_at_the_arms_own_times() -> None:
    own = np.array([[0.5, 0.3, 0.2, 0.0]])
    spread = centred(4, own)[0]
    np.testing.assert_allclose(spread @ own[0], 0, atol=1e-12)
    np.testing.assert_allclose(spread, spread.T)
    assert np.linalg.eigvalsh(spread).min() > -1e-12


# --- what was offered, and the verdict ---------------------------------------------------------------


def test_a_policy_takes_what_there_is_and_else_does_as_logged() -> None:
    offered = np.array([[0.5, 0.5, 0.0], [0.0, 0.4, 0.6], [0.0, 0.0, 1.0]])
    found = conditional(np.array([0.3, 0.1, 0.0]), offered)
    np.testing.assert_allclose(found, [[0.75, 0.25, 0], [0, 1, 0], [0, 0, 1]])


@given(ess=st.floats(0, 3000), ratio=st.floats(0.1, 5), error=st.floats(0.001, 1))
def test_only_a_narrow_and_sure_gain_is_adopted(ess: float, ratio: float, error: float) -> None:
    low, bound, high = (ratio * np.exp(z * error) for z in (-1.96, -1.64, 1.96))
    found = Evaluation(*(np.array(x) for x in (3000, 5, 5 * ratio, ratio, low, high, bound, ess)))
    verdict, reason = judge(found, DEFAULTS)
    assert verdict == (REFUSE if high > 4 * low else ADOPT if bound > 1 else KEEP)
    assert reason.endswith(".")
    assert (verdict == REFUSE) == reason.startswith("Not enough overlap")

"""What arms bring over the whole log, where they were played at other times than a policy would play them.

Each arm's worth is a random walk over blocks of the log (Harvey 1989). How far it walks is weighed by its
likelihood over a few steps, the arms of a dimension learning from each other how likely each is (empirical
Bayes); what the walk adds between the arm's own times and the policy's is its best linear prediction.
"""

from typing import NamedTuple

import numpy as np

from replyloop_assets.learning.comparison import Floats, ratio
from replyloop_assets.learning.evaluation.replies import Replies

STEPS = np.array([0.0, 0.05, 0.2, 0.6])  # relative variance of an arm's worth over the whole log
ODDS, ODDS_WEIGHT = np.array([0.1, 0.2, 0.4, 0.3]), 4.0  # of each beforehand, and their weight in arms
ROUNDS = 5
UNSEEN = 1e9  # the noise of a block in which an arm was not played
MOST = 5.0  # times the model that an arm may have moved


class Drift(NamedTuple):
    """By what an arm's worth is to be multiplied, and the variance of that: arrays (..., arms)."""

    factor: Floats
    variance: Floats


def drifted(log: Replies, y: Floats, wanted: Floats, noise: Floats) -> Drift:
    """How much more an arm brings at the times at which it is wanted than at those at which it was played.

    Args:
        wanted: the policy's probabilities, shape (..., replies, arms).
        noise: the relative variance of one reply, shape (...).
    """
    n, brought = log.by_block(np.ones(y.shape)), log.by_block(y)
    played = n.sum(-1, keepdims=True)
    own = np.where(played > 0, n / np.maximum(played, 1), 1 / log.blocks)
    starts = np.searchsorted(log.block, np.arange(log.blocks))
    asked = np.swapaxes(np.add.reduceat(wanted, starts, axis=-2), -1, -2)
    whole = asked.sum(-1, keepdims=True)
    off = np.where(whole > 0, asked / np.where(whole > 0, whole, 1), own) - own

    mean = ratio(brought.sum(-1, keepdims=True), played, played > 0)
    seen = (n > 0) & (mean > 0)
    above = np.where(seen, ratio(brought, n * mean, seen) - 1, 0.0)
    error = np.where(seen, noise[..., None, None] / np.maximum(n, 1), UNSEEN)
    walk = centred(log.blocks, own)[..., None, :, :] * STEPS[:, None, None]
    reach = (walk * off[..., None, None, :]).sum(-1)
    spread = walk + error[..., None, :, None] * np.eye(log.blocks)
    # what several policies want of one log stands beside it on the other side of one equation
    beside = reach.reshape(-1, *reach.shape[reach.ndim + 1 - spread.ndim :])
    known = np.broadcast_to(above[..., None, :], beside.shape[1:])
    solved = np.linalg.solve(spread, np.stack([known, *beside], -1))
    by_above, by_reach = solved[..., 0], np.moveaxis(solved[..., 1:], -1, 0).reshape(reach.shape)
    found = (reach * by_above).sum(-1)
    left = (reach * off[..., None, :]).sum(-1) - (reach * by_reach).sum(-1)
    roots = np.diagonal(np.linalg.cholesky(spread), axis1=-2, axis2=-1)
    fit = -0.5 * ((known * by_above).sum(-1) + 2 * np.log(roots).sum(-1))
    weight = weigh_steps(fit)
    moved = (weight * found).sum(-1)
    variance = (weight * (left + (found - moved[..., None]) ** 2)).sum(-1)
    return Drift(np.clip(1 + moved, 1 / MOST, MOST), variance)


def centred(blocks: int, own: Floats) -> Floats:
    """The covariance of a walk of variance 1 about its mean at the arm's own times, (..., blocks, blocks)."""
    walk = np.tri(blocks)
    walk = walk @ walk.T / blocks
    about = walk - (own @ walk)[..., None, :]
    return np.asarray(about - (about * own[..., None, :]).sum(-1, keepdims=True))


def weigh_steps(fit: Floats) -> Floats:
    """The probability of each step of each arm, (..., arms, steps), by its log likelihoods."""
    odds = np.broadcast_to(ODDS, (*fit.shape[:-2], 1, len(ODDS)))
    weight = np.broadcast_to(odds, fit.shape)
    for _ in range(ROUNDS):
        likely = fit + np.log(odds)
        weight = np.exp(likely - likely.max(-1, keepdims=True))
        weight = weight / weight.sum(-1, keepdims=True)
        odds = (ODDS_WEIGHT * ODDS + weight.sum(-2, keepdims=True)) / (ODDS_WEIGHT + fit.shape[-2])
    return np.asarray(weight)

"""What another policy would have brought by its own replies alone: what `estimate` is held against.

Every logged reply has the probability with which its arm was chosen, so replies that the new policy
would choose oftener count for more: self-normalised inverse propensity (Hajek 1971; Swaminathan and
Joachims 2015), on followers capped at a high quantile. The policy that wrote the log kept changing, and
days that hardly ever offered what the new policy wants say little. So each block of the log counts as
makes the whole as sure as can be (Agarwal, Basu, Schnabel and Joachims 2017, for several loggers), the
policy's worth being a random walk from block to block (Harvey 1989) whose steps are learned from them
(DerSimonian and Laird 1986); what may have moved unseen widens the interval. Within a block decisions
count alike, whoever was replied to.
"""

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.comparison import Floats, ratio
from replyloop_assets.learning.evaluation.estimate import Evaluation, conditional, unknown
from replyloop_assets.learning.evaluation.replies import BLOCKS
from replyloop_assets.learning.evaluation.settings import EvaluationSettings

DRIFT_SD = 0.6  # of how far the policy's worth moves over the log, as a part of it, before any evidence


def evaluate_by_propensity(
    offered: Floats, chosen: NDArray[np.intp], y: Floats, target: Floats, settings: EvaluationSettings
) -> Evaluation:
    """The worth of a policy as `estimate.evaluate` says it, of capped followers."""
    replies = y.shape[-1]
    if not replies:
        return unknown(np.zeros(y.shape[:-1]))
    wanted = conditional(target, offered)
    scatter = np.divide(wanted**2, offered, out=np.zeros(wanted.shape), where=offered > 0).sum(-1)
    at = chosen[..., None]
    weight = (np.take_along_axis(wanted, at, -1) / np.take_along_axis(offered, at, -1))[..., 0]
    cap = np.quantile(y, settings.cap_quantile, axis=-1, keepdims=True)
    y = np.minimum(y, np.maximum(cap, 1))  # where nearly all bring none, the few that do still count
    trust, drift = weigh_blocks(weight, scatter, y)
    steady = weight * trust

    total = steady.sum(-1, keepdims=True)
    some = total > 0
    part = ratio(steady, total, some)
    value, logged = (part * y).sum(-1, keepdims=True), y.mean(-1, keepdims=True)
    told = (value > 0) & (logged > 0)
    pull = part * ratio(y - value, value, told) - ratio(y - logged, logged, told) / replies
    variance = (pull**2).sum(-1) + drift

    centre = np.log(ratio(value, logged, told))[..., 0]
    return Evaluation.at(
        replies, logged[..., 0], centre, variance, 1 / (part**2).sum(-1), settings.confidence
    )


def weigh_blocks(weight: Floats, scatter: Floats, y: Floats) -> tuple[Floats, Floats]:
    """How much each reply counts, (..., replies), and the relative variance that drift adds, (...).

    The policy's worth is a random walk over blocks, each observed as well as its weights scatter; the
    blocks' parts make the average over the log as sure as can be, what may have moved between them and
    was not seen included. All replies of a block count alike.
    """
    replies = y.shape[-1]
    starts = np.unique(np.arange(BLOCKS) * replies // BLOCKS)
    lengths = np.diff(starts, append=replies)

    def summed(x: Floats) -> Floats:
        return np.asarray(np.add.reduceat(x, starts, axis=-1))

    needed = summed(scatter) / lengths
    first = weight / np.repeat(needed, lengths, axis=-1)
    total = first.sum(-1, keepdims=True)
    value = ratio((first * y).sum(-1, keepdims=True), total, total > 0)
    known = value > 0
    relative = ratio((first * (y - value) ** 2).sum(-1, keepdims=True), total * value**2, known)
    noise = np.where(known & (relative > 0), relative, 1.0) * needed / lengths
    of_block = summed(weight)
    worth = np.where(of_block > 0, ratio(summed(weight * y), of_block * value, known & (of_block > 0)), 1.0)
    step = DRIFT_SD**2 / len(lengths) + moved(worth, noise) * 6 / (len(lengths) + 1)

    even = lengths / replies
    walk = np.tri(len(lengths))[:-1]  # what lies before each step
    cost = noise[..., None] * np.eye(len(lengths)) + step[..., None, None] * (walk.T @ walk)
    both = np.stack([step[..., None] * (walk.T @ (walk @ even)), np.ones(noise.shape)], -1)
    pulled, free = np.moveaxis(np.linalg.solve(cost, both), -1, 0)
    part = pulled + free * (1 - pulled.sum(-1, keepdims=True)) / free.sum(-1, keepdims=True)
    part = np.maximum(part, 0)
    part /= part.sum(-1, keepdims=True)
    ahead = (part - even) @ walk.T
    return np.repeat(part / lengths, lengths, axis=-1), step * (ahead**2).sum(-1)


def moved(worth: Floats, noise: Floats) -> Floats:
    """The variance of what is behind noisy observations, by moments; arrays (..., blocks) to (...)."""
    precision = 1 / noise
    total = precision.sum(-1)
    mean = (precision * worth).sum(-1) / total
    excess = (precision * (worth - mean[..., None]) ** 2).sum(-1) - (worth.shape[-1] - 1)
    room = total - (precision**2).sum(-1) / total
    return np.asarray(np.maximum(excess, 0) / np.maximum(room, 1e-9 * total))

"""How likely each arm is the best, and how effort is shared by it: what every family's choice rests on."""

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.comparison import Floats

REACH = 5.0  # how far each arm's distribution is looked at, in standard deviations
NODES, ALL_NODES = 41, 1312  # at how many points, of one arm and of all together
BLOCK = 100_000  # numbers held at once while integrating: what the processor keeps at hand


def optimal_probability(mean: Floats, deviation: Floats) -> Floats:
    """P(each arm is the best) for independent Gaussians, by integration; any leading axes, arms last.

    Every arm brings grid points of its own, so that a sharp arm is resolved beside a wide one.
    """
    from scipy.special import ndtr

    arms = mean.shape[-1]
    means, deviations = (np.broadcast_to(x, mean.shape).reshape(-1, arms) for x in (mean, deviation))
    # many arms lie side by side, and each is resolved by the others' points too
    nodes = np.linspace(-REACH, REACH, max(5, min(NODES, ALL_NODES // arms)))
    size = max(1, BLOCK // (arms * arms * len(nodes)))
    chances = np.ones((len(means), arms))
    for first in range(0, len(means), size):
        m, sd = means[first : first + size, :, None], deviations[first : first + size, :, None]
        grid = np.sort((m + sd * nodes).reshape(len(m), 1, -1), axis=-1)
        below = ndtr((grid - m) / sd)
        middle = (below[..., 1:] + below[..., :-1]) / 2
        one = np.ones_like(middle[:, :1])
        before = np.concatenate([one, middle[:, :-1]], axis=1).cumprod(axis=1)
        behind = np.concatenate([one, middle[:, :0:-1]], axis=1).cumprod(axis=1)[:, ::-1]
        chances[first : first + size] = (np.diff(below) * before * behind).sum(-1)
    return np.asarray((chances / chances.sum(-1, keepdims=True)).reshape(mean.shape))


def runner_up_weights(mean: Floats, deviation: Floats, leader: NDArray[np.bool_], temper: float) -> Floats:
    """Weights of the arms behind the leader: each one's tempered chance against the second by its mean.

    Arrays (..., arms); 0 for the leader.
    """
    from scipy.special import ndtr

    behind = np.where(leader, -np.inf, mean)
    second = np.arange(mean.shape[-1]) == behind.argmax(-1)[..., None]
    gap = mean - np.where(second, mean, 0).sum(-1, keepdims=True)
    noise = np.sqrt(deviation**2 + np.where(second, deviation**2, 0).sum(-1, keepdims=True))
    return np.asarray(np.where(leader, 0, ndtr(gap / (temper * noise))))


def leading(chances: Floats) -> NDArray[np.bool_]:
    """Which arm is the likeliest best; of equals the first, whatever their last bits."""
    return np.asarray(np.arange(chances.shape[-1]) == np.round(chances, 12).argmax(-1)[..., None])


def shares(chances: Floats, exploration: Floats | float, surplus: Floats | None = None) -> Floats:
    """The share rule: the best arm gets 1 - max(e, 1 - P), the others the rest by their P.

    What the exploration share gives them beyond 1 - P goes by the weights `surplus`, where given. Every
    arm gets at least e/(4K), so that evaluation stays possible; an only arm gets everything. Any
    leading axes, arms last, of e too if it is an array; the shares sum to 1.
    """
    arms = chances.shape[-1]
    if arms == 1:
        return np.ones(chances.shape)
    best = leading(chances)
    chances = np.round(chances, 12)
    rest = np.maximum(exploration, 1 - chances.max(-1, keepdims=True))
    others = np.where(best, 0, chances + 1e-15)
    total = others.sum(-1, keepdims=True)
    if surplus is None:
        given = rest * others / total
    else:
        extra = np.where(best, 0, surplus + 1e-15)
        wanted = np.minimum(total, rest)
        given = wanted * others / total + (rest - wanted) * extra / extra.sum(-1, keepdims=True)
    least = exploration / (4 * arms)
    low = best.copy()  # the best is no rival: what the least take, they take of each other
    while (short := (given < least) & ~low).any():
        low |= short
        spare = rest - least * (low & ~best).sum(-1, keepdims=True)
        free = np.where(low, 0, given)
        taken = np.where(low, least, free * spare / free.sum(-1, keepdims=True))
        given = np.where(short.any(-1, keepdims=True), taken, given)
    others = np.where(best, 0, np.round(given, 12))
    return np.where(best, 1 - others.sum(-1, keepdims=True), others)


def ranks(draws: Floats) -> NDArray[np.intp]:
    """The place of each draw along the last axis, 0 for the highest."""
    return np.argsort(np.argsort(-draws, axis=-1, kind="stable"), axis=-1)

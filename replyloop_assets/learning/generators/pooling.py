"""What a reply brings, by account and generator: each learned from all of them together.

A reply's followers are a hurdle and a size: a = logit P(y > 0), b = the mean of log y where y > 0.
Both are account + generator + interaction, three random effects with covariances learned from the
window (empirical Bayes by expectation maximisation from a prior, after Laird and Ware 1982; the rate
by working logits, after Breslow and Clayton 1993). Everything is closed form: no draw, no clock.
"""

from typing import NamedTuple

import numpy as np

from replyloop_assets.learning.comparison import LOG_VARIANCE, LOG_VARIANCE_WEIGHT, Flags, Floats

# The prior over each effect on (a, b): standard deviation, correlation, and its weight in effects.
ACCOUNT_SD, GENERATOR_SD, INTERACTION_SD = 0.5, 0.3, 0.2
CORRELATION, PRIOR_WEIGHT = 0.8, 4.0
LEVEL_SD = 10.0  # of the overall (a, b) around the window's own
ROUNDS = 8
LARGEST_STEP = 2.0  # of a logit in one round: a cell of nothing but hits does not overshoot


class Counts(NamedTuple):
    """The sufficient statistics of followers per reply; arrays of one shape (..., accounts, generators)."""

    n: Floats
    positives: Floats
    sum_y: Floats
    sum_log: Floats  # over positives
    sum_log2: Floats  # over positives


class Beliefs(NamedTuple):
    """What is believed of log E[y], up to a constant: means (..., A, G) and covariances (..., A, G, G)."""

    mean: Floats
    covariance: Floats


def transposed(matrix: Floats) -> Floats:
    """The last two axes swapped."""
    return np.swapaxes(matrix, -1, -2)


def effect_prior(deviation: float) -> Floats:
    """The prior covariance of an effect on (a, b)."""
    return deviation**2 * np.array([[1, CORRELATION], [CORRELATION, 1]])


def learned(prior: Floats, effects: Floats, spread: Floats, among: Flags, axes: tuple[int, ...]) -> Floats:
    """The covariance of effects, from their posterior means (..., 2, 1) and covariances (..., 2, 2).

    `among` says which there are, shape (...); they are summed over its `axes`.
    """
    count = among.sum(axes)[..., None, None]
    outer = np.where(among[..., None, None], effects @ transposed(effects) + spread, 0)
    moments = outer.sum(tuple(axis - 2 for axis in axes))
    return np.asarray((PRIOR_WEIGHT * prior + moments) / (PRIOR_WEIGHT + count))


def believe(counts: Counts, head_start: Floats | float = 0.0, known: Flags | None = None) -> Beliefs:
    """The posterior over accounts and generators of what a reply brings, on the log scale.

    An account or a generator without any reply may be among them: it is believed to be like the others.

    Args:
        counts: any leading axes are independent problems, solved side by side.
        head_start: prior mean of each generator's effect on both parts, shape (..., generators).
        known: which accounts there are, shape (..., accounts); all, if not given. The others are without a
            reply, and only make tables of one size: they change nothing but the last bits.
    """
    n, k = counts.n, counts.positives
    generators = n.shape[-1]
    of_accounts = np.ones(n.shape[:-1], bool) if known is None else known
    of_pairs = np.broadcast_to(of_accounts[..., None], n.shape)
    of_all = np.ones((*n.shape[:-2], generators), bool)
    both = (*n.shape[:-2], 2 * (1 + generators), 1)
    # A cell's (a, b) is account + design @ (level, generator effects) + interaction.
    design = np.stack([np.kron(row, np.eye(2)) for row in np.eye(1 + generators)[1:]])
    design[..., :2] = np.eye(2)

    cells = (-2, -1)
    replies, hits = n.sum(cells), k.sum(cells)
    size = np.divide(counts.sum_log, k, out=np.zeros(n.shape), where=k > 0)
    within = np.maximum((counts.sum_log2 - k * size**2).sum(cells), 0)
    variance = (LOG_VARIANCE_WEIGHT * LOG_VARIANCE + within) / (
        LOG_VARIANCE_WEIGHT + np.maximum(k - 1, 0).sum(cells)
    )
    start = np.log((hits + 0.5) / (replies - hits + 0.5))
    logit = np.broadcast_to(start[..., None, None], n.shape)
    offset = np.zeros(both)
    offset[..., 0, 0] = start
    offset[..., 1, 0] = counts.sum_log.sum(cells) / np.maximum(hits, 1)
    offset[..., 2:, 0] = np.repeat(np.broadcast_to(head_start, of_all.shape), 2, axis=-1)

    priors = [effect_prior(sd) for sd in (ACCOUNT_SD, GENERATOR_SD, INTERACTION_SD)]
    lead = (*n.shape[:-2], 2, 2)
    of_account, of_generator, of_pair = (np.broadcast_to(prior, lead) for prior in priors)
    for turn in range(ROUNDS):
        rate = 1 / (1 + np.exp(-logit))
        weight = n * rate * (1 - rate)
        working = logit + np.divide(k - n * rate, weight, out=np.zeros(n.shape), where=n > 0)
        seen = np.stack([working, size], -1)[..., None]
        root = np.sqrt(np.stack([weight, k / variance[..., None, None]], -1))
        pair = of_pair[..., None, None, :, :]
        # precision of a cell once its interaction is integrated out; 0 where nothing was seen
        precision = np.linalg.inv(np.eye(2) + root[..., :, None] * pair * root[..., None, :])
        precision *= root[..., :, None] * root[..., None, :]

        # the accounts are eliminated one by one, the generators and the level solved for together
        account = np.linalg.inv(np.linalg.inv(of_account)[..., None, :, :] + precision.sum(-3))
        weighed, target = precision @ design, precision @ seen
        crossed, total = weighed.sum(-3), target.sum(-3)
        pull = account @ crossed
        known = (transposed(design) @ weighed).sum((-4, -3)) - (transposed(crossed) @ pull).sum(-3)
        score = (transposed(design) @ target).sum((-4, -3)) - (transposed(pull) @ total).sum(-3)
        prior = np.zeros((*both[:-1], both[-2]))
        prior[..., [0, 1], [0, 1]] = LEVEL_SD**-2
        blocks = 2 + np.arange(2 * generators).reshape(-1, 2)
        rows, columns = blocks[:, :, None], blocks[:, None, :]
        prior[..., rows, columns] = np.linalg.inv(of_generator)[..., None, :, :]
        covariance = np.linalg.inv(known + prior)
        shared = covariance @ (score + prior @ offset)
        accounts = account @ total - pull @ shared[..., None, :, :]

        additive = accounts[..., None, :, :] + design @ shared[..., None, None, :, :]
        gain = pair @ precision
        interaction = gain @ (seen - additive)
        believed = (additive + interaction)[..., 0]
        logit = logit + np.clip(believed[..., 0] - logit, -LARGEST_STEP, LARGEST_STEP)
        lever = design - pull[..., None, :, :]
        if turn == ROUNDS - 1:
            break
        spread = account[..., None, :, :] + lever @ covariance[..., None, None, :, :] @ transposed(lever)
        effects = (shared - offset)[..., 2:, 0].reshape(*n.shape[:-2], generators, 2, 1)
        of_pair = learned(
            priors[2],
            interaction,
            pair - gain @ pair + gain @ spread @ transposed(gain),
            of_pairs,
            (-2, -1),
        )
        of_account = learned(
            priors[0],
            accounts,
            account + pull @ covariance[..., None, :, :] @ transposed(pull),
            of_accounts,
            (-1,),
        )
        of_generator = learned(priors[1], effects, covariance[..., rows, columns], of_all, (-1,))

    # log E[y] = log P(y > 0) + b: its gradient in (a, b) is (1 - P(y > 0), 1)
    rate = 1 / (1 + np.exp(-logit))
    gradient = np.stack([1 - rate, np.ones(n.shape)], -1)[..., None, :]
    left = gradient - gradient @ gain
    through = (left @ lever)[..., 0, :]
    left = left[..., 0, :]
    own = (gradient @ (pair - gain @ pair) @ transposed(gradient))[..., 0]
    joint = through @ covariance[..., None, :, :] @ transposed(through)
    joint += left @ account @ transposed(left) + own * np.eye(generators)
    return Beliefs(np.log(rate) + believed[..., 1], joint)


def contrast_deviation(covariance: Floats) -> Floats:
    """Standard deviations of independent arms whose differences spread as these arms' do.

    What moves all arms together (the account's own level) says nothing of which is best: it is left
    out. Exact for two arms, and wherever the covariances are one constant; for others the spread of
    each arm around the arms' average is kept.
    """
    arms = covariance.shape[-1]
    centred = covariance - covariance.mean(-1, keepdims=True)
    spread = np.diagonal(centred - centred.mean(-2, keepdims=True), axis1=-2, axis2=-1)
    total = spread.sum(-1, keepdims=True) * arms / max(arms - 1, 1)
    each = (spread - total / arms**2) / (1 - 2 / arms) if arms > 2 else total / arms + 0 * spread
    return np.asarray(np.sqrt(np.maximum(each, 1e-3 * total / arms + 1e-12)))

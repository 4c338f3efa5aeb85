"""Which generator writes the reply to an account: shares learned from all accounts together.

The seed (Phase 2.3) takes the best generator of the account by itself, with bands of confidence: no
alternative ever gathers the samples it would need, so it locks on to the default. The default rule
pools: what a generator brings is its effect over all accounts plus its own part in each, and both are
believed as far as the evidence says.

A reply's followers are a hurdle and a size: a = logit P(y > 0), b = the mean of log y where y > 0.
Both are account + generator + interaction, three random effects with covariances learned from the
window (empirical Bayes by expectation maximisation from a prior, after Laird and Ware 1982; the rate
by working logits, after Breslow and Clayton 1993). Everything is closed form: no draw, no clock.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from replyloop_assets.learning.comparison import Floats, ratio
from replyloop_assets.learning.performance import UNKNOWN

ANY_ACCOUNT = "*"
NO_ACCOUNT = (UNKNOWN, ANY_ACCOUNT, "")
USE, CAUTION, DEFAULT = "use", "use with caution", "default"
COLUMNS = (
    "account",
    "generator_name",
    "probability",
    "expected_followers",
    "mean_followers",
    "confidence_score",
    "sample_size",
    "band",
    "reason",
)

# The prior over each effect on (a, b): standard deviation, correlation, and its weight in effects.
ACCOUNT_SD, GENERATOR_SD, INTERACTION_SD = 0.5, 0.3, 0.2
CORRELATION, PRIOR_WEIGHT = 0.8, 4.0
LOG_VARIANCE, LOG_VARIANCE_WEIGHT = 1.5, 20.0  # of log y within a cell, and its weight in replies
LEVEL_SD = 10.0  # of the overall (a, b) around the window's own
ROUNDS = 8
LARGEST_STEP = 2.0  # of a logit in one round: a cell of nothing but hits does not overshoot
NODES = np.linspace(-5, 5, 41)  # where each arm's distribution is looked at, in standard deviations
BLOCK = 4_000_000  # numbers held at once while integrating


@dataclass(frozen=True)
class GeneratorSettings:
    """The seed's bands, sample size and default; beyond it, how much is explored and by which rule.

    `temper` scales the posterior's standard deviations: every account explores, and all learn of it.
    `default_advantage` is the head start of the default generator on the log scale, before evidence.
    """

    window_days: int = 60
    use_confidence: float = 0.7
    caution_confidence: float = 0.4
    full_confidence_samples: int = 30
    default_generator: str = "ResearchSynthesizer"
    exploration_share: float = 0.10
    temper: float = 0.3
    default_advantage: float = 0.1
    rule: Literal["seed", "default"] = "default"


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


def learned(prior: Floats, effects: Floats, spread: Floats, axes: tuple[int, ...]) -> Floats:
    """The covariance of effects, from their posterior means (..., 2, 1) and covariances (..., 2, 2)."""
    count = np.prod([effects.shape[axis] for axis in axes])
    moments = (effects @ transposed(effects) + spread).sum(axes)
    return np.asarray((PRIOR_WEIGHT * prior + moments) / (PRIOR_WEIGHT + count))


def believe(counts: Counts, head_start: Floats | float = 0.0) -> Beliefs:
    """The posterior over accounts and generators of what a reply brings, on the log scale.

    An account or a generator without any reply may be among them: it is believed to be like the others.

    Args:
        counts: any leading axes are independent problems, solved side by side.
        head_start: prior mean of each generator's effect on both parts, shape (generators,).
    """
    n, k = counts.n, counts.positives
    generators = n.shape[-1]
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
    offset[..., 2:, 0] = np.repeat(np.broadcast_to(head_start, generators), 2)

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
            (-4, -3),
        )
        of_account = learned(
            priors[0],
            accounts,
            account + pull @ covariance[..., None, :, :] @ transposed(pull),
            (-3,),
        )
        of_generator = learned(priors[1], effects, covariance[..., rows, columns], (-3,))

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


def optimal_probability(mean: Floats, deviation: Floats) -> Floats:
    """P(each arm is the best) for independent Gaussians, by integration; any leading axes, arms last.

    Every arm brings grid points of its own, so that a sharp arm is resolved beside a wide one.
    """
    from scipy.special import ndtr

    arms = mean.shape[-1]
    means, deviations = (np.broadcast_to(x, mean.shape).reshape(-1, arms) for x in (mean, deviation))
    size = max(1, BLOCK // (arms * arms * len(NODES)))
    chances = np.ones((len(means), arms))
    for first in range(0, len(means), size):
        m, sd = means[first : first + size, :, None], deviations[first : first + size, :, None]
        grid = np.sort((m + sd * NODES).reshape(len(m), 1, -1), axis=-1)
        below = ndtr((grid - m) / sd)
        middle = (below[..., 1:] + below[..., :-1]) / 2
        one = np.ones_like(middle[:, :1])
        before = np.concatenate([one, middle[:, :-1]], axis=1).cumprod(axis=1)
        behind = np.concatenate([one, middle[:, :0:-1]], axis=1).cumprod(axis=1)[:, ::-1]
        chances[first : first + size] = (np.diff(below) * before * behind).sum(-1)
    return np.asarray((chances / chances.sum(-1, keepdims=True)).reshape(mean.shape))


def shares(chances: Floats, exploration: float) -> Floats:
    """The share rule: the best arm gets 1 - max(e, 1 - P), the others the rest by their P.

    Every arm gets at least e/(4K), so that evaluation stays possible; an only arm gets everything. Any
    leading axes, arms last; the shares sum to 1.
    """
    arms = chances.shape[-1]
    if arms == 1:
        return np.ones(chances.shape)
    chances = np.round(chances, 12)  # lest the last bit decide which of two equal arms is the best
    best = np.arange(arms) == chances.argmax(-1)[..., None]
    rest = np.maximum(exploration, 1 - chances.max(-1, keepdims=True))
    others = np.where(best, 0, chances + 1e-15)
    given = np.where(best, 1 - rest, rest * others / others.sum(-1, keepdims=True))
    least = exploration / (4 * arms)
    low = np.zeros(chances.shape, bool)
    while (given[~low] < least).any():
        low |= given < least
        spare = 1 - least * low.sum(-1, keepdims=True)
        free = np.where(low, 0, given)
        given = np.where(low, least, free * spare / free.sum(-1, keepdims=True))
    given = np.round(given, 12)
    others = np.where(best, 0, given)
    return np.where(best, 1 - others.sum(-1, keepdims=True), others)


def pooled_shares(beliefs: Beliefs, settings: GeneratorSettings) -> Floats:
    """The default rule's share of each generator in each account, shape (..., accounts, generators)."""
    deviation = settings.temper * contrast_deviation(beliefs.covariance)
    return shares(optimal_probability(beliefs.mean, deviation), settings.exploration_share)


def confidence(sample_size: Floats, settings: GeneratorSettings) -> Floats:
    """min(n / 30, 1): the seed's confidence, from 0 to 1."""
    return np.minimum(sample_size / settings.full_confidence_samples, 1.0)


def bands(confidences: Floats, settings: GeneratorSettings) -> NDArray[np.object_]:
    """The seed's band of each confidence: above 0.7 use, above 0.4 use with caution, else default."""
    return np.select(
        [confidences > settings.use_confidence, confidences > settings.caution_confidence],
        [USE, CAUTION],
        DEFAULT,
    ).astype(object)


def seed_choice(
    counts: Counts, default: int, settings: GeneratorSettings
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The seed's generator of each account, and whether its evidence chose it.

    The best plain mean if its confidence is above 0.4 (of equal means the first counts), else the
    default generator, whose place is `default`. Any leading axes; the answers have shape (..., accounts).
    """
    n = counts.n
    best = np.where(n > 0, counts.sum_y / np.maximum(n, 1), -np.inf).argmax(-1)
    samples = np.take_along_axis(n, best[..., None], -1)[..., 0]
    trusted = confidence(samples, settings) > settings.caution_confidence
    return np.where(trusted, best, default), trusted


def seed_shares(counts: Counts, default: int, settings: GeneratorSettings) -> Floats:
    """The seed's rule as shares: a point, with nothing left to explore; shape (..., accounts, generators)."""
    chosen, _ = seed_choice(counts, default, settings)
    return np.asarray(chosen[..., None] == np.arange(counts.n.shape[-1]), float)


def prefer_generators(cells: pd.DataFrame, settings: GeneratorSettings) -> pd.DataFrame:
    """A distribution over the window's generators for each account, and '*' for every other account.

    An 'unknown' generator is no arm; replies to an 'unknown' account still tell of the generators. With
    no reply measured, shares are even but for the default generator's head start. The seed's rule
    gives '*' the default generator, which is an arm then even where the window does not know it.

    Args:
        cells: one row per account and generator with `account`, `generator`, `n`, `positives`,
            `sum_y`, `sum_log`, `sum_log2` of followers gained over the window.

    Returns:
        One row per account and generator, '*' last: `probability`, `expected_followers` (pooled; scaled
        so that the window's total comes out; of '*': a typical account), `mean_followers` (plain),
        `confidence_score`, `sample_size`, `band`, `reason`; for '*' those of all accounts together.
    """
    cells = cells[~cells["generator"].isin([UNKNOWN, ""])]
    if cells.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    seeds = settings.rule == "seed"
    extra = {settings.default_generator} if seeds else set()
    generators = pd.Index(sorted({*cells["generator"], *extra}))
    accounts = pd.Index(sorted(set(cells["account"])))
    table = np.zeros((5, len(accounts) + 1, len(generators)))  # the last account is one not yet met
    at = (
        accounts.get_indexer(pd.Index(cells["account"])),
        generators.get_indexer(pd.Index(cells["generator"])),
    )
    table[(slice(None), *at)] = cells[["n", "positives", "sum_y", "sum_log", "sum_log2"]].to_numpy(float).T
    counts = Counts(*table)
    is_default = np.asarray(generators == settings.default_generator)

    beliefs = believe(counts, np.where(is_default, settings.default_advantage, 0.0))
    relative = np.exp(np.clip(beliefs.mean, -50, 50))
    measured = (counts.n * relative).sum()
    scale = max(counts.sum_y.sum(), 0) / measured if measured > 0 else np.nan
    if seeds:
        probability = seed_shares(counts, int(is_default.argmax()), settings)
    else:
        probability = pooled_shares(beliefs, settings)

    shown = counts.n.copy()
    shown[-1] = total = counts.n.sum(axis=0)
    followers = counts.sum_y.copy()
    followers[-1] = counts.sum_y.sum(axis=0)
    confident = confidence(shown, settings)
    band = bands(confident, settings)
    if seeds:  # what is taken for want of evidence is the default, whatever its own samples say
        chosen, trusted = seed_choice(counts, int(is_default.argmax()), settings)
        band[~trusted, chosen[~trusted]] = DEFAULT
    listed = ~accounts.isin(NO_ACCOUNT) & (counts.n[:-1].sum(axis=-1) > 0)
    kept = np.append(listed, True)
    names = np.append(accounts.to_numpy(object), ANY_ACCOUNT)[kept]
    frame = pd.DataFrame(
        {
            "account": np.repeat(names, len(generators)),
            "generator_name": np.tile(generators.to_numpy(object), len(names)),
            "probability": probability[kept].ravel(),
            "expected_followers": np.round(scale * relative[kept], 9).ravel(),
            "mean_followers": ratio(followers, shown, shown > 0)[kept].ravel(),
            "confidence_score": confident[kept].ravel(),
            "sample_size": shown[kept].astype(int).ravel(),
            "band": band[kept].ravel(),
        }
    )
    explain = explain_choice if seeds else explain_share
    of_all = np.tile(total.astype(int), len(names)).tolist()
    rows = zip(*(frame[name].tolist() for name in COLUMNS[:-1]), of_all, strict=True)
    frame["reason"] = pd.Series([explain(*row) for row in rows], dtype=object)
    return frame


def explain_share(
    account: str,
    generator: str,
    probability: float,
    expected: float,
    mean: float,
    confident: float,
    samples: int,
    band: str,
    of_all: int,
) -> str:
    """One share of the default rule in words."""
    words = f"{generator} {100 * probability:.0f}%: "
    if expected == expected:
        words += f"{expected:.1f} followers expected per reply, "
    if account == ANY_ACCOUNT:
        return f"{words}{of_all} replies to all accounts, none to this one yet"
    evidence = "too few here, so all accounts count" if band == DEFAULT else band
    return f"{words}{samples} replies to this account, {of_all} to all; {evidence}"


def explain_choice(
    account: str,
    generator: str,
    probability: float,
    expected: float,
    mean: float,
    confident: float,
    samples: int,
    band: str,
    of_all: int,
) -> str:
    """One choice of the seed's rule in words."""
    if not probability:
        return f"{generator} is not chosen: {samples} replies, confidence {100 * confident:.0f}%"
    if band == DEFAULT:
        return f"No strong signal: {generator} is the default"
    return (
        f"{generator} is the best here: {mean:.1f} followers per reply over {samples} replies, "
        f"confidence {100 * confident:.0f}%; {band}"
    )

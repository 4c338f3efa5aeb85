"""Which generator writes the reply to an account: shares learned from all accounts together.

The seed (Phase 2.3) takes the best generator of the account by itself, with bands of confidence: no
alternative ever gathers the samples it would need, so it locks on to the default. The default rule
pools: what a generator brings is its effect over all accounts plus its own part in each, and both are
believed as far as the evidence says (pooling.py).
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from replyloop_assets.learning.allocation.choice import optimal_probability, shares
from replyloop_assets.learning.allocation.shares import install_all
from replyloop_assets.learning.comparison import Floats, ratio
from replyloop_assets.learning.generators.pooling import Beliefs, Counts, believe, contrast_deviation
from replyloop_assets.learning.generators.settings import GeneratorSettings
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


def seed_shares(
    counts: Counts, default: int, settings: GeneratorSettings, exploration: float = 0.0
) -> Floats:
    """The seed's rule as shares: a point, with nothing left to explore; shape (..., accounts, generators).

    In a pivot the seed explores all the same: `exploration`, from 0 to 1, goes to the others evenly.
    """
    chosen, _ = seed_choice(counts, default, settings)
    others = counts.n.shape[-1] - 1
    explored = exploration if others else 0.0
    is_chosen = chosen[..., None] == np.arange(others + 1)
    return np.where(is_chosen, 1 - explored, explored / max(others, 1))


def prefer_generators(
    cells: pd.DataFrame,
    settings: GeneratorSettings,
    adopted: pd.DataFrame | None = None,
    pivot_exploration: float | None = None,
) -> pd.DataFrame:
    """A distribution over the window's generators for each account, and '*' for every other account.

    An 'unknown' generator is no arm; replies to an 'unknown' account still tell of the generators. With
    no reply measured, shares are even but for the default generator's head start. The seed's rule
    gives '*' the default generator, which is an arm then even where the window does not know it.

    Args:
        cells: one row per account and generator with `account`, `generator`, `replies`, and, of those
            that count, some perhaps less than one, `n`, `positives`, `sum_y`, `sum_log`, `sum_log2` of
            followers gained over the window.
        adopted: the generators that are incumbents (`allocation.shares.install_all`): every account gives
            them their share.
        pivot_exploration: the share that explores while a pivot is open, from 0 to 1.

    Returns:
        One row per account and generator, '*' last: `probability`, `expected_followers` (pooled; scaled
        so that the window's total comes out; of '*': a typical account), `mean_followers` (plain),
        `confidence_score`, `sample_size`, `band`, `reason`; for '*' those of all accounts together.
    """
    if pivot_exploration is not None:
        settings = settings.changed(exploration_share=pivot_exploration)
    cells = cells[~cells["generator"].isin([UNKNOWN, ""])]
    if cells.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    seeds = settings.rule == "seed"
    extra = {settings.default_generator} if seeds else set()
    generators = pd.Index(sorted({*cells["generator"], *extra}))
    accounts = pd.Index(sorted(set(cells["account"])))
    table = np.zeros((6, len(accounts) + 1, len(generators)))  # the last account is one not yet met
    at = (
        accounts.get_indexer(pd.Index(cells["account"])),
        generators.get_indexer(pd.Index(cells["generator"])),
    )
    columns = ["replies", "n", "positives", "sum_y", "sum_log", "sum_log2"]
    table[(slice(None), *at)] = cells[columns].to_numpy(float).T
    replies, counts = table[0], Counts(*table[1:])
    is_default = np.asarray(generators == settings.default_generator)

    beliefs = believe(counts, np.where(is_default, settings.default_advantage, 0.0))
    relative = np.exp(np.clip(beliefs.mean, -50, 50))
    measured = (counts.n * relative).sum()
    scale = max(counts.sum_y.sum(), 0) / measured if measured > 0 else np.nan
    if seeds:
        probability = seed_shares(counts, int(is_default.argmax()), settings, pivot_exploration or 0.0)
    else:
        probability = pooled_shares(beliefs, settings)
        if adopted is not None:
            exploration = 100 * settings.exploration_share
            probability = install_all(100 * probability, list(generators), adopted, exploration) / 100

    shown, told = counts.n.copy(), replies.copy()
    shown[-1] = counts.n.sum(axis=0)
    told[-1] = total = replies.sum(axis=0)
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
            "sample_size": told[kept].astype(int).ravel(),
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
    if probability < 0.5:
        tried = f", but tried on {100 * probability:.0f}% while a pivot is open" if probability else ""
        return f"{generator} is not chosen: {samples} replies, confidence {100 * confident:.0f}%{tried}"
    if band == DEFAULT:
        return f"No strong signal: {generator} is the default"
    return (
        f"{generator} is the best here: {mean:.1f} followers per reply over {samples} replies, "
        f"confidence {100 * confident:.0f}%; {band}"
    )

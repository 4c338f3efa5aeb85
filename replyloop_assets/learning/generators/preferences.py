"""Which generator writes the reply to an account: shares learned from all accounts together.

What each gets is the rule's in force (`rules`); what is expected of a reply is pooled over all accounts,
whatever the rule (`pooling`); how much all of them bring is what is believed of a reply at all (`belief`), so
that a few lucky ones do not raise what is foretold.
"""

from __future__ import annotations

import numpy as np

from replyloop_assets.learning.allocation.shares import install_all
from replyloop_assets.learning.belief.estimate import believe as believe_one
from replyloop_assets.learning.belief.settings import Totals
from replyloop_assets.learning.comparison import ratio
from replyloop_assets.learning.generators.bands import ANY_ACCOUNT, bands, confidence
from replyloop_assets.learning.generators.pooling import Counts, believe
from replyloop_assets.learning.generators.rules import rule_of
from replyloop_assets.learning.generators.settings import GeneratorSettings
from replyloop_assets.learning.lazily import pd
from replyloop_assets.learning.performance import UNKNOWN

NO_ACCOUNT = (UNKNOWN, ANY_ACCOUNT, "")
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
            that count, some perhaps less than one, `n`, `positives`, `sum_y`, `sum_y2`, `sum_log`,
            `sum_log2` of followers gained over the window.
        adopted: the generators that are incumbents (`allocation.shares.install_all`): every account gives
            them their share.
        pivot_exploration: the share that explores while a pivot is open, from 0 to 1.

    Returns:
        One row per account and generator, '*' last: `probability`, `expected_followers` (pooled; on average
        what is believed of all replies together; of '*': a typical account), `mean_followers` (plain),
        `confidence_score`, `sample_size`, `band`, `reason`; for '*' those of all accounts together.
    """
    if pivot_exploration is not None:
        settings = settings.changed(exploration_share=pivot_exploration)
    cells = cells[~cells["generator"].isin([UNKNOWN, ""])]
    if cells.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    rule = rule_of(settings)
    extra = {settings.default_generator} if rule.knows_default else set()
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
    scale = believed_of_all(cells) * counts.n.sum() / measured if measured > 0 else np.nan
    default = int(is_default.argmax())
    probability = rule.shares(counts, lambda: beliefs, default, settings, pivot_exploration)
    if rule.installs and adopted is not None:
        exploration = 100 * settings.exploration_share
        probability = install_all(100 * probability, list(generators), adopted, exploration) / 100

    shown, told = counts.n.copy(), replies.copy()
    shown[-1] = counts.n.sum(axis=0)
    told[-1] = total = replies.sum(axis=0)
    followers = counts.sum_y.copy()
    followers[-1] = counts.sum_y.sum(axis=0)
    confident = confidence(shown, settings)
    band = bands(confident, settings)
    rule.settle_bands(band, counts, default, settings)
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
    of_all = np.tile(total.astype(int), len(names)).tolist()
    rows = zip(*(frame[name].tolist() for name in COLUMNS[:-1]), of_all, strict=True)
    frame["reason"] = pd.Series([rule.explain(*row) for row in rows], dtype=object)
    return frame


def believed_of_all(cells: pd.DataFrame) -> float:
    """What a reply is believed to bring, whoever wrote it to whom."""
    return believe_one(Totals(*cells[list(Totals._fields)].sum().to_numpy(float)[:, None])).mean.item()

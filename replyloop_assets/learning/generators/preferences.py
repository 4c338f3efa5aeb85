"""Which generator writes the reply to an account: shares learned from all accounts together.

What each gets is the rule's in force (`rules`); what is expected of a reply is pooled over all accounts,
whatever the rule (`pooling`); how much all of them bring is what is believed of a reply at all (`belief`), so
that a few lucky ones do not raise what is foretold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.allocation.shares import install_all
from replyloop_assets.learning.belief.estimate import believe as believe_one
from replyloop_assets.learning.belief.settings import Totals
from replyloop_assets.learning.comparison import Flags, Floats, ratio
from replyloop_assets.learning.generators.bands import ANY_ACCOUNT, bands, confidence
from replyloop_assets.learning.generators.cells import FIELDS, Cells
from replyloop_assets.learning.generators.pooling import Beliefs, Counts, believe
from replyloop_assets.learning.generators.rules import rule_of
from replyloop_assets.learning.generators.settings import GeneratorSettings
from replyloop_assets.learning.lazily import pd
from replyloop_assets.learning.performance import UNKNOWN

NO_ACCOUNT = (UNKNOWN, ANY_ACCOUNT, "")
COLUMNS = (
    "window",
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
WIDTH = 16  # windows are believed side by side in widths of its multiples, the same in any batch
BLOCK = 100_000  # numbers of a table held at once while believing


class Tables(NamedTuple):
    """The cells of windows with as many generators, and with about as many accounts: a line for each."""

    window: NDArray[np.intp]  # (lines,)
    generators: NDArray[np.object_]  # (lines, generators)
    accounts: NDArray[np.object_]  # (lines, accounts): in order, then '*' for one not yet met
    known: Flags  # of the same shape: False beyond
    sums: Floats  # (fields of FIELDS, lines, accounts, generators)


def prefer_generators(
    cells: Cells,
    settings: GeneratorSettings,
    adopted: Mapping[int, pd.DataFrame] | None = None,
    pivot_exploration: Sequence[float | None] = (None,),
) -> pd.DataFrame:
    """A distribution over each window's generators for each account, and '*' for every other account.

    An 'unknown' generator is no arm; replies to an 'unknown' account still tell of the generators. With
    no reply measured, shares are even but for the default generator's head start. The seed's rule
    gives '*' the default generator, which is an arm then even where the window does not know it.

    Args:
        adopted: by window the generators that are incumbents (`allocation.shares.install_all`): every account
            gives them their share.
        pivot_exploration: of each window the share that explores while a pivot is open, from 0 to 1.

    Returns:
        One row per window, account and generator, those of a window in one piece, '*' last: `probability`,
        `expected_followers` (pooled; on average what is believed of all replies together; of '*': a typical
        account), `mean_followers` (plain), `confidence_score`, `sample_size`, `band`, `reason`; for '*' those
        of all accounts together.
    """
    explores = np.array([np.nan if share is None else share for share in pivot_exploration], float)
    found = [
        preferred(tables, settings, adopted or {}, explores[tables.window])
        for tables in lay_out(cells, len(explores), settings)
    ]
    if not found:
        return pd.DataFrame(columns=list(COLUMNS))
    return found[0] if len(found) == 1 else pd.concat(found, ignore_index=True)


def lay_out(cells: Cells, windows: int, settings: GeneratorSettings) -> Iterator[Tables]:
    """The windows that have any cell, those of one size together."""
    extra = {settings.default_generator} if rule_of(settings).knows_default else set()
    names = sorted({*cells.generators, *extra})
    is_arm = ~np.isin(np.array(cells.generators, object), [UNKNOWN, ""])[cells.generator]
    window, account = cells.window[is_arm], cells.account[is_arm]
    generator = np.array([names.index(name) for name in cells.generators], int)[cells.generator[is_arm]]
    values = cells.sums[:, is_arm]
    accounts, generators = np.array(cells.accounts, object), np.array(names, object)
    has_account = np.zeros((windows, len(accounts)), bool)
    has_account[window, account] = True
    has_generator = np.zeros((windows, len(generators)), bool)
    has_generator[window, generator] = True
    has_generator |= has_account.any(-1, keepdims=True) & np.isin(generators, list(extra))
    line_of = (has_account.cumsum(-1) - 1)[window, account]
    arm_of = (has_generator.cumsum(-1) - 1)[window, generator]

    width = -(-(has_account.sum(-1) + 1) // WIDTH) * WIDTH  # with one that is not yet met
    arms = has_generator.sum(-1)
    for size, of_arms in sorted({*zip(width[arms > 0].tolist(), arms[arms > 0].tolist(), strict=True)}):
        alike = np.flatnonzero((width == size) & (arms == of_arms))
        most = max(1, BLOCK // (size * of_arms * (2 + 2 * of_arms) ** 2))
        for lines in (alike[first : first + most] for first in range(0, len(alike), most)):
            sums = np.zeros((len(FIELDS), len(lines), size, of_arms))
            here = np.flatnonzero(np.isin(window, lines))
            sums[:, np.searchsorted(lines, window[here]), line_of[here], arm_of[here]] = values[:, here]
            met = np.full((len(lines), size), ANY_ACCOUNT, object)
            for names, of_window in zip(met, has_account[lines], strict=True):
                names[: of_window.sum()] = accounts[of_window]
            named = np.array([generators[of_window] for of_window in has_generator[lines]], object)
            known = np.arange(size) <= has_account[lines].sum(-1, keepdims=True)
            yield Tables(lines, named.reshape(len(lines), of_arms), met, known, sums)


def preferred(
    tables: Tables, settings: GeneratorSettings, adopted: Mapping[int, pd.DataFrame], explores: Floats
) -> pd.DataFrame:
    """The rows of some windows; `explores` of each of them, NaN where no pivot is open."""
    rule = rule_of(settings)
    known = tables.known
    replies, *sums = tables.sums
    totals = Totals(*sums)
    counts = Counts(totals.n, totals.positives, totals.sum_y, totals.sum_log, totals.sum_log2)
    is_default = np.asarray(tables.generators == settings.default_generator, bool)
    beliefs = believe(counts, np.where(is_default, settings.default_advantage, 0.0), known)
    relative = np.exp(np.clip(beliefs.mean, -50, 50))
    measured = (counts.n * relative).sum((-2, -1))
    scale = ratio(believed_of_all(totals) * counts.n.sum((-2, -1)), measured, measured > 0)

    line = np.nonzero(known)[0]  # from here on one row per window and account
    account, of_window = tables.accounts[known], tables.window[line]
    met, believed = Counts(*(part[known] for part in counts)), Beliefs(*(part[known] for part in beliefs))
    default, explored = is_default.argmax(-1)[line], explores[line]
    probability = rule.shares(met, lambda: believed, default, settings, explored)
    percent = 100 * probability
    for at, window in enumerate(tables.window.tolist()):
        if rule.installs and window in adopted:
            of_line, names = line == at, list(tables.generators[at])
            share = settings.exploration_share if np.isnan(explores[at]) else explores[at]
            percent[of_line] = install_all(percent[of_line], names, adopted[window], 100 * share)

    is_any = account == ANY_ACCOUNT
    is_any &= np.append(line[1:] != line[:-1], True)  # and no account that is called so
    shown, told, followers = met.n.copy(), replies[known], met.sum_y.copy()
    shown[is_any], followers[is_any] = counts.n.sum(-2), counts.sum_y.sum(-2)
    total = replies.sum(-2)
    told[is_any] = total
    confident = confidence(shown, settings)
    band = bands(confident, settings)
    rule.settle_bands(band, met, default, settings)
    listed = (~np.isin(account, np.array(NO_ACCOUNT, object)) & (met.n.sum(-1) > 0)) | is_any
    frame = pd.DataFrame(
        {
            "window": np.repeat(of_window[listed], total.shape[-1]),
            "account": np.repeat(account[listed], total.shape[-1]),
            "generator_name": tables.generators[line[listed]].ravel(),
            "probability": (percent / 100)[listed].ravel(),
            "expected_followers": np.round(scale[line, None] * relative[known], 9)[listed].ravel(),
            "mean_followers": ratio(followers, shown, shown > 0)[listed].ravel(),
            "confidence_score": confident[listed].ravel(),
            "sample_size": told[listed].astype(int).ravel(),
            "band": band[listed].ravel(),
        }
    )
    of_all = total[line[listed]].astype(int).ravel().tolist()
    rows = zip(*(frame[name].tolist() for name in COLUMNS[1:-1]), of_all, strict=True)
    frame["reason"] = pd.Series([rule.explain(*row) for row in rows], dtype=object)
    return frame


def believed_of_all(totals: Totals) -> Floats:
    """What a reply of each window is believed to bring, whoever wrote it to whom; shape (lines,).

    Beside an arm without a reply: sums over a single one may be added up in another order in a batch.
    """
    together = [part.sum((-2, -1)) for part in totals]
    return believe_one(Totals(*(np.stack([part, 0 * part], -1) for part in together))).mean[..., 0]

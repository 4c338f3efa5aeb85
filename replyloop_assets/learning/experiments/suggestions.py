"""Which experiments are worth their replies: those whose answer is expected to change what is done."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from replyloop_assets.learning.comparison import (
    LOG_VARIANCE,
    LOG_VARIANCE_WEIGHT,
    Evidence,
    Floats,
    Moments,
)
from replyloop_assets.learning.experiments.lift import log_chance
from replyloop_assets.learning.experiments.settings import ExperimentSettings
from replyloop_assets.learning.health.settings import PivotSettings
from replyloop_assets.learning.lazily import pd

TREATED = 0.1  # of the replies: the seed's split
COLUMNS = ["dimension", "control", "treatment", "gain", "expected_pct", "replies"]


def knowledge_gradient(behind: Floats, spread: Floats) -> Floats:
    """What knowing more about a challenger is expected to bring: E[max(N(-behind, spread^2), 0)].

    Frazier, Powell and Dayanik (2008): `spread` is the SD of the change that the data will make to the
    estimate. A challenger far behind is not worth a test however little is known, nor is one well known.
    """
    from scipy.special import ndtr

    spread = np.maximum(spread, 1e-12)
    z = -behind / spread
    return np.asarray(spread * (np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) + z * ndtr(z)))


def log_values(evidence: Evidence, spread: float) -> tuple[Floats, Floats, float]:
    """Each arm's log of followers per reply, shrunk to the family, its variance, and that of one reply more.

    Args:
        evidence: shape (arms,); spread: the SD of log values among arms.
    """
    chance, chance_noise = log_chance(evidence)
    positive = evidence.positive
    deviation = (
        np.nansum(positive.variance * np.maximum(positive.n - 1, 0)) + LOG_VARIANCE * LOG_VARIANCE_WEIGHT
    )
    variance = deviation / (np.maximum(positive.n - 1, 0).sum() + LOG_VARIANCE_WEIGHT)
    usual = positive.total.sum() / max(positive.n.sum(), 1)
    size = (positive.total + usual) / (positive.n + 1)
    noise = chance_noise + variance / (positive.n + 0.5)
    value = chance + size
    weight = 1 / (noise + spread**2)
    centre = (weight * value).sum() / weight.sum()
    trust = spread**2 / (spread**2 + noise)
    often = (positive.n.sum() + 0.5) / (evidence.followers.n.sum() + 1)
    return centre + trust * (value - centre), trust * noise, float((1 - often + variance) / often)


def suggest(
    arms: pd.DataFrame,
    per_day: float,
    tried: Collection[tuple[str, str]],
    settings: ExperimentSettings,
    treated: float = TREATED,
) -> pd.DataFrame:
    """The experiments worth starting, the most valuable first.

    Args:
        arms: one row per `dimension` and `value` with its sums over the recent window: `n`, `positives`,
            `sum_y`, `sum_y2`, `sum_log`, `sum_log2`.
        per_day: replies a day that one experiment may have.
        tried: (dimension, value) of what was tested lately, which are left alone.
        treated: the part of those replies that the treatment gets.

    Returns:
        `dimension`, `control`, `treatment`, `gain` (expected as a share of followers per reply),
        `expected_pct` (the treatment against the control now) and `replies` (of the treatment so far).
    """
    found: list[dict[str, object]] = []
    replies = max(per_day * settings.horizon_days, 1)
    if treated * replies < settings.min_samples:
        return pd.DataFrame(columns=COLUMNS)  # none could be decided
    for dimension, rows in arms.sort_values(["dimension", "value"]).groupby("dimension", sort=True):
        n, positives, sum_y, sum_y2, sum_log, sum_log2 = (
            rows[["n", "positives", "sum_y", "sum_y2", "sum_log", "sum_log2"]].to_numpy(float).T
        )
        if len(rows) < 2 or positives.sum() == 0:
            continue
        followers, positive = Moments(n, sum_y, sum_y2), Moments(positives, sum_log, sum_log2)
        value, noise, per_reply = log_values(
            Evidence(followers, followers, positive, np.zeros((len(rows), 0))), settings.lift_spread
        )
        # what has shown nothing yet is no control
        best = int(np.where(n >= min(settings.min_samples, n.max()), value, -np.inf).argmax())
        known = noise + noise[best]
        planned = per_reply / replies * (1 / treated + 1 / (1 - treated))
        gain = np.round(knowledge_gradient(value[best] - value, known / np.sqrt(known + planned)), 9)
        names = rows["value"].tolist()
        found += [
            {
                "dimension": dimension,
                "control": names[best],
                "treatment": name,
                "gain": float(gain[at]),
                "expected_pct": round(float(100 * np.expm1(value[at] - value[best])), 6),
                "replies": int(n[at]),
            }
            for at, name in enumerate(names)
            if at != best and gain[at] >= settings.min_information_value and (dimension, name) not in tried
        ]
    return pd.DataFrame(found, columns=COLUMNS).sort_values(
        ["gain", "dimension", "treatment"], ascending=[False, True, True], ignore_index=True
    )


def suggest_pivots(
    arms: pd.DataFrame,
    fell: Collection[tuple[str, str]],
    pivot: PivotSettings,
    settings: ExperimentSettings,
) -> pd.DataFrame:
    """The experiments that a pivot begins: one a dimension, first where a value fell, then by their promise.

    Args:
        arms: as in `suggest`, of the days since the drop, with `per_day`, the replies a day of all.
        fell: (dimension, value) of what fell beyond chance: it is no treatment.

    Returns:
        As `suggest`; whatever is expected of them, for in a pivot something else is tried.
    """
    per_day = pivot.units_share * float(arms["per_day"].iloc[0]) if len(arms) else 0.0
    settings = settings.changed(min_information_value=0.0)
    found = suggest(arms, per_day, fell, settings, pivot.treatment_share)
    hurt = found["dimension"].isin({dimension for dimension, _ in fell})
    found = found.assign(hurt=hurt).sort_values("hurt", ascending=False, kind="stable")
    return found.drop(columns="hurt").drop_duplicates("dimension").head(pivot.experiments)

"""How well each tier, account, hour or generator does, against the window's own baseline.

Counts, confidence, ROI and tiers are the seed's (Phase 1.2, PerformanceAnalyzer). What is believed of a value
(`belief`) goes beyond it: an account answered twice is not believed like one answered fifty times. By that
values are ranked. Where hardly any reply brings a follower, it is profile visits that are believed in.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from replyloop_assets.learning.belief.families import Conversion, believe_families, convert, totals_of
from replyloop_assets.learning.comparison import Floats, ratio
from replyloop_assets.learning.fields import PERCENT, Component, count, days, setting
from replyloop_assets.learning.lazily import pd
from replyloop_assets.learning.metrics import FOLLOWERS, METRICS, VISITS

UNKNOWN = "unknown"
BASELINE = "all"
MANY = {metric.name: metric.many for metric in METRICS}


class PerformanceSettings(Component):
    """How well each value of a dimension does, in the seed's numbers."""

    window_days: int = days(30, "How far back replies are counted.")
    full_confidence_samples: int = count(30, "How many replies make the confidence 1.", "replies", least=1)
    excellent_roi: float = setting(150, "From which ROI on it is excellent.", PERCENT, ge=0, le=100_000)
    good_roi: float = setting(100, "From which ROI on it is good.", PERCENT, ge=0, le=100_000)
    moderate_roi: float = setting(
        50, "From which ROI on it is moderate, else poor.", PERCENT, ge=0, le=100_000
    )

    @model_validator(mode="after")
    def check_together(self) -> Self:
        """The tiers lie one above the other."""
        for low, high in (("moderate_roi", "good_roi"), ("good_roi", "excellent_roi")):
            self.require_order(low, high)
        return self


def confidence(sample_size: Any, settings: PerformanceSettings) -> Any:
    """min(n / 30, 1): the seed's confidence, from 0 to 1."""
    return np.minimum(np.asarray(sample_size) / settings.full_confidence_samples, 1.0)


def roi(average: Any, baseline: Any) -> Floats:
    """Average in percent of the baseline; NaN where the baseline is 0 or unknown: no rating."""
    baseline = np.asarray(baseline, float)
    # rounded, lest the last bit decide a tier that is reached exactly
    return np.round(ratio(100 * np.asarray(average, float), baseline, baseline > 0), 9)


def performance_tier(roi_percent: Any, settings: PerformanceSettings) -> NDArray[np.object_]:
    """The seed's tier of each ROI: excellent, good, moderate or poor; None where there is no ROI."""
    roi_percent = np.asarray(roi_percent, float)
    tiers = np.select(
        [
            roi_percent >= settings.excellent_roi,
            roi_percent >= settings.good_roi,
            roi_percent >= settings.moderate_roi,
        ],
        ["excellent", "good", "moderate"],
        "poor",
    ).astype(object)
    tiers[np.isnan(roi_percent)] = None
    return tiers


class Believed(NamedTuple):
    """What a window's values are believed by: a metric; and how followers come of it, where it stands in."""

    metric: str
    conversion: Conversion | None


def choose_metric(overall: pd.DataFrame, sparse_positives: float) -> Believed:
    """Visits where fewer than `sparse_positives` of all replies bring followers, and more bring visits."""
    if overall.empty:
        return Believed(FOLLOWERS.name, None)
    followers, visits = (totals_of(overall.iloc[:1], metric.name) for metric in (FOLLOWERS, VISITS))
    hits, visited = followers.positives.item(), visits.positives.item()
    if hits < sparse_positives * followers.n.item() and visited > hits:
        return Believed(VISITS.name, convert(followers, visits))
    return Believed(FOLLOWERS.name, None)


def rate_performance(
    merged: pd.DataFrame, settings: PerformanceSettings, sparse_positives: float
) -> pd.DataFrame:
    """Rate every value of every dimension of one window.

    Args:
        merged: one row per (dimension, value) with `sample_size` and, of followers and of visits, the columns
            of `totals_of`; the dimension 'all' among them: its average is the baseline.
        sparse_positives: where fewer of the replies bring any follower, visits stand in.

    Returns:
        The rows without 'all', sorted as they came, with `avg_followers_gained`, `confidence_score`,
        `baseline_followers`, `roi_score`, `performance_tier`, `believed_metric`, `shrunk_mean`,
        `interval_low`, `interval_high` (of that metric per reply, 95%), `conversion`, `conversion_low`,
        `conversion_high` (followers per visit, where visits are believed in), `rank` (1 is the dimension's
        top strategy, by shrunk mean; None where not rated). 'unknown' is counted and never rated.
    """
    overall = merged.loc[merged["dimension"] == BASELINE]
    rated = merged.loc[merged["dimension"] != BASELINE].reset_index(drop=True)
    n = rated["sample_size"].to_numpy(float)
    sampled = n > 0
    average = ratio(rated["followers_sum_y"].to_numpy(float), n, sampled)
    baseline = np.nan
    if len(overall) and overall["sample_size"].iloc[0] > 0:
        baseline = overall["followers_sum_y"].iloc[0] / overall["sample_size"].iloc[0]

    known = sampled & (rated["value"] != UNKNOWN).to_numpy()
    percent = np.where(known, roi(average, baseline), np.nan)
    rated["avg_followers_gained"] = average
    rated["confidence_score"] = confidence(n, settings)
    rated["baseline_followers"] = baseline
    rated["roi_score"] = percent
    rated["performance_tier"] = performance_tier(percent, settings)

    metric, conversion = choose_metric(overall, sparse_positives)
    rated["believed_metric"] = metric
    believed = ["shrunk_mean", "interval_low", "interval_high"]
    rated[believed] = np.nan
    if known.any():
        arms = rated[known]
        rated.loc[known, believed] = np.transpose(
            believe_families(arms["dimension"].tolist(), totals_of(arms, metric))[:3]
        )
    for name, value in zip(Conversion._fields, conversion or (np.nan,) * 3, strict=True):
        rated["conversion" if name == "mean" else f"conversion_{name}"] = value
    # equal to six digits is equal: the last bits are noise, and the plain average then decides
    best_first = rated.assign(shrunk=np.round(rated["shrunk_mean"], 6)).sort_values(
        ["shrunk", "avg_followers_gained", "value"], ascending=[False, False, True]
    )
    place = best_first.groupby("dimension").cumcount() + 1
    places = place.reindex(rated.index)
    rated["rank"] = pd.Series(
        [int(n) if is_known else None for n, is_known in zip(places, known, strict=True)], dtype=object
    )
    return rated


def describe(row: Any) -> str:
    """One rated row as an insight in words."""
    words = f"{row.value}: {row.avg_followers_gained:.2f} followers per reply over {row.sample_size}"
    if isinstance(row.performance_tier, str):
        words += f", {row.roi_score:.0f}% of the baseline ({row.performance_tier})"
    else:
        words += ", not rated"
    if row.shrunk_mean != row.shrunk_mean:
        return words
    return (
        f"{words}; believed to bring {row.shrunk_mean:.2g} {MANY[row.believed_metric]}, likely "
        f"{row.interval_low:.2g} to {row.interval_high:.2g}"
    )

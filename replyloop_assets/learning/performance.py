"""How well each tier, account, hour or generator does, against the window's own baseline.

Counts, confidence, ROI and tiers are the seed's (Phase 1.2, PerformanceAnalyzer). The shrunk mean and
its interval go beyond it: an account answered twice is not believed like one answered fifty times.
"""

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import model_validator

from replyloop_assets.learning.comparison import Floats, ratio
from replyloop_assets.learning.fields import PERCENT, Component, count, days, setting

UNKNOWN = "unknown"
BASELINE = "all"
NORMAL_95 = 1.959963984540054


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


def shrink(means: Floats, variances: Floats, groups: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Means pulled towards their group's, as far as their noise says, and their standard errors.

    Random effects per group: the variance between members by the method of moments (DerSimonian and
    Laird 1986), then the normal posterior of each member, with the uncertainty of the group mean.

    Args:
        means: the members' means, shape (k,).
        variances: the variances of these means, shape (k,); 0 keeps a mean as it is.
        groups: the group of each member, integers from 0, shape (k,).
    """

    def total(weights: Floats) -> Floats:
        return np.bincount(groups, weights).astype(float)

    def spread(values: Floats) -> Floats:
        return values[groups]

    # a mean without noise still leaves the others theirs: its weight stays finite in its group
    largest = np.zeros(groups.max() + 1)
    np.maximum.at(largest, groups, variances)
    noise = np.maximum(variances, np.maximum(1e-6 * spread(largest), 1e-12))
    weight = 1 / noise
    fixed_mean = total(weight * means) / total(weight)
    excess = total(weight * (means - spread(fixed_mean)) ** 2) - (np.bincount(groups) - 1)
    scale = total(weight) - total(weight**2) / total(weight)
    between = np.where(scale > 1e-9 * total(weight), np.maximum(excess, 0) / np.maximum(scale, 1e-300), 0)

    weight = 1 / (noise + spread(between))
    group_mean = total(weight * means) / total(weight)
    pull = noise / (noise + spread(between))
    shrunk = pull * spread(group_mean) + (1 - pull) * means
    variance = (1 - pull) * noise + pull**2 * spread(1 / total(weight))
    return shrunk, np.sqrt(variance)


def rate_performance(merged: pd.DataFrame, settings: PerformanceSettings) -> pd.DataFrame:
    """Rate every value of every dimension of one window.

    Args:
        merged: one row per (dimension, value) with `sample_size`, `sum_followers`, `sum_followers2`,
            the dimension 'all' among them: its average is the baseline.

    Returns:
        The rows without 'all', sorted as they came, with `avg_followers_gained`, `confidence_score`,
        `baseline_followers`, `roi_score`, `performance_tier`, `shrunk_mean`, `interval_low`,
        `interval_high` (followers per reply, 95%), `rank` (1 is the dimension's top strategy, by
        shrunk mean; None where not rated). 'unknown' is counted and never rated.
    """
    overall = merged.loc[merged["dimension"] == BASELINE]
    rated = merged.loc[merged["dimension"] != BASELINE].reset_index(drop=True)
    n = rated["sample_size"].to_numpy(float)
    total = rated["sum_followers"].to_numpy(float)
    sampled = n > 0
    average = np.divide(total, n, out=np.full(len(n), np.nan), where=sampled)
    baseline = np.nan
    if len(overall) and overall["sample_size"].iloc[0] > 0:
        baseline = overall["sum_followers"].iloc[0] / overall["sample_size"].iloc[0]

    known = sampled & (rated["value"] != UNKNOWN).to_numpy()
    ratio = np.where(known, roi(average, baseline), np.nan)
    rated["avg_followers_gained"] = average
    rated["confidence_score"] = confidence(n, settings)
    rated["baseline_followers"] = baseline
    rated["roi_score"] = ratio
    rated["performance_tier"] = performance_tier(ratio, settings)

    shrunk, error = np.full(len(n), np.nan), np.full(len(n), np.nan)
    if known.any():
        groups = pd.factorize(rated["dimension"][known])[0]
        squares = rated["sum_followers2"].to_numpy(float)[known] - total[known] * average[known]
        freedom = np.bincount(groups, n[known] - 1)
        pooled = np.bincount(groups, squares) / np.maximum(freedom, 1)
        # a dimension where nothing repeats says nothing of its own noise: take the count's own
        pooled = np.where(freedom > 0, pooled, np.nan_to_num(baseline))
        variances = np.maximum(pooled, 0)[groups] / n[known]
        shrunk[known], error[known] = shrink(average[known], variances, groups)
    rated["shrunk_mean"] = shrunk
    rated["interval_low"] = np.maximum(shrunk - NORMAL_95 * error, 0)
    rated["interval_high"] = shrunk + NORMAL_95 * error
    # equal to six digits is equal: the last bits are noise, and the plain average then decides
    best_first = rated.assign(shrunk=np.round(shrunk, 6)).sort_values(
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
    if not isinstance(row.performance_tier, str):
        return f"{words}, not rated"
    return f"{words}, {row.roi_score:.0f}% of the baseline ({row.performance_tier})"

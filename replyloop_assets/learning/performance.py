"""How well each tier, account, hour or generator does, against the window's own baseline.

Counts, confidence, ROI and tiers are the seed's (Phase 1.2, PerformanceAnalyzer). What is believed of a value
(`belief`) goes beyond it: an account answered twice is not believed like one answered fifty times. By that
values are ranked. Where hardly any reply brings a follower, it is profile visits that are believed in.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from replyloop_assets.learning.belief.families import Conversion, believe_families, convert, totals_of
from replyloop_assets.learning.belief.settings import Totals
from replyloop_assets.learning.comparison import Flags, Floats, ratio
from replyloop_assets.learning.fields import PERCENT, Component, count, days, setting
from replyloop_assets.learning.lazily import pd
from replyloop_assets.learning.metrics import FOLLOWERS, METRICS, VISITS
from replyloop_assets.learning.rolling import SUMS, ranked, roll

UNKNOWN = "unknown"
BASELINE = "all"
AVERAGED = {"engagement": "avg_likes", "impressions": "avg_impressions", "visits": "avg_profile_clicks"}
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


def merge_days(daily: pd.DataFrame, last: NDArray[np.intp], length: int) -> pd.DataFrame:
    """What each value of each dimension brought in each window of `length` days.

    Args:
        daily: one row per `dimension`, `value`, `metric` and `day`, counted from any on, with `SUMS`.
        last: the last day of each window, ascending.

    Returns:
        One row per `window` (its place in `last`), `dimension` and `value` with any reply: `reply_count`,
        `sample_size`, `success_count`, and of followers and of visits the columns of `totals_of`;
        `avg_likes`, `avg_impressions`, `avg_profile_clicks`.
    """
    names, place = ranked(daily, ["dimension", "value"])
    metric_of = {metric.column: at for at, metric in enumerate(METRICS)}
    cell = len(METRICS) * place + daily["metric"].map(metric_of).to_numpy(int)
    sums = roll(
        daily["day"].to_numpy(int),
        cell,
        daily[SUMS].to_numpy(float),
        len(names) * len(METRICS),
        last,
        length,
    ).reshape(len(last), len(names), len(METRICS), len(SUMS))

    window, place = np.nonzero(sums[:, :, metric_of[FOLLOWERS.column], SUMS.index("reply_count")] > 0)
    named = np.array(names, object).reshape(-1, 2)[place]
    of = {
        metric.name: dict(zip(SUMS, sums[window, place, metric_of[metric.column]].T, strict=True))
        for metric in METRICS
    }
    counts = {"reply_count": "reply_count", "sample_size": "n", "success_count": "successes"}
    return pd.DataFrame(
        {"window": window, "dimension": named[:, 0], "value": named[:, 1]}
        | {name: of[FOLLOWERS.name][part].astype(int) for name, part in counts.items()}
        | {
            f"{metric.name}_{part}": of[metric.name][part]
            for metric in (FOLLOWERS, VISITS)
            for part in Totals._fields
        }
        | {
            column: ratio(of[name]["sum_y"], of[name]["n"], of[name]["n"] > 0)
            for name, column in AVERAGED.items()
        }
    )


def convert_where_sparse(overall: pd.DataFrame, sparse_positives: float) -> dict[int, Conversion]:
    """Where visits stand in: fewer than `sparse_positives` of all replies bring followers, more bring visits.

    Returns:
        How followers come of visits, by window.
    """
    followers, visits = (totals_of(overall, metric.name) for metric in (FOLLOWERS, VISITS))
    stands_in = followers.positives < sparse_positives * followers.n
    stands_in &= visits.positives > followers.positives
    found = {}
    for at in np.flatnonzero(stands_in):
        one, its_visits = (Totals(*(part[at : at + 1] for part in of)) for of in (followers, visits))
        found[int(overall["window"].iloc[at])] = convert(one, its_visits)
    return found


def rate_performance(
    merged: pd.DataFrame, settings: PerformanceSettings, sparse_positives: float
) -> pd.DataFrame:
    """Rate every value of every dimension of each window.

    Args:
        merged: as `merge_days` gives it; a window's row of the dimension 'all' is its baseline.
        sparse_positives: where fewer of the replies bring any follower, visits stand in.

    Returns:
        The rows without 'all', sorted as they came, with `avg_followers_gained`, `confidence_score`,
        `baseline_followers`, `roi_score`, `performance_tier`, `believed_metric`, `shrunk_mean`,
        `interval_low`, `interval_high` (of that metric per reply, 95%), `conversion`, `conversion_low`,
        `conversion_high` (followers per visit, where visits are believed in), `rank` (1 is the dimension's
        top strategy, by shrunk mean; None where not rated). 'unknown' is counted and never rated.
    """
    is_all = (merged["dimension"] == BASELINE).to_numpy()
    overall, rated = merged[is_all], merged[~is_all].reset_index(drop=True)
    n = rated["sample_size"].to_numpy(float)
    sampled = n > 0
    average = ratio(rated["followers_sum_y"].to_numpy(float), n, sampled)
    replies = overall["sample_size"].to_numpy(float)
    baselines = ratio(overall["followers_sum_y"].to_numpy(float), replies, replies > 0)
    baseline = rated["window"].map(dict(zip(overall["window"], baselines, strict=True))).to_numpy(float)

    known = sampled & (rated["value"] != UNKNOWN).to_numpy()
    percent = np.where(known, roi(average, baseline), np.nan)
    rated["avg_followers_gained"] = average
    rated["confidence_score"] = confidence(n, settings)
    rated["baseline_followers"] = baseline
    rated["roi_score"] = percent
    rated["performance_tier"] = performance_tier(percent, settings)

    conversions = convert_where_sparse(overall, sparse_positives)
    by_visits = rated["window"].isin(list(conversions)).to_numpy()
    rated["believed_metric"] = np.where(by_visits, VISITS.name, FOLLOWERS.name)
    found = np.full((3, len(rated)), np.nan)
    if known.any():
        arms = rated[known]
        families = [
            f"{window}/{name}" for window, name in zip(arms["window"], arms["dimension"], strict=True)
        ]
        pairs = zip(totals_of(arms, VISITS.name), totals_of(arms, FOLLOWERS.name), strict=True)
        totals = Totals(*(np.where(by_visits[known], visits, followers) for visits, followers in pairs))
        found[:, known] = believe_families(families, totals)[:3]
    rated["shrunk_mean"], rated["interval_low"], rated["interval_high"] = found
    none = (np.nan,) * len(Conversion._fields)
    of_rows = np.array([conversions.get(window, none) for window in rated["window"]]).reshape(-1, len(none))
    for name, value in zip(Conversion._fields, of_rows.T, strict=True):
        rated["conversion" if name == "mean" else f"conversion_{name}"] = value
    rated["rank"] = places(rated, known)
    return rated


def places(rated: pd.DataFrame, known: Flags) -> pd.Series:
    """The place of each known value in its window's dimension, 1 for the best; None of the others.

    Equal to six digits is equal: the last bits are noise, and the plain average then decides.
    """
    best_first = rated.assign(shrunk=np.round(rated["shrunk_mean"], 6)).sort_values(
        ["shrunk", "avg_followers_gained", "value"], ascending=[False, False, True]
    )
    place = (best_first.groupby(["window", "dimension"]).cumcount() + 1).reindex(rated.index)
    return pd.Series(
        [int(n) if is_known else None for n, is_known in zip(place, known, strict=True)], dtype=object
    )


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

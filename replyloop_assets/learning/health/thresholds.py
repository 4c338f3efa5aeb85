"""How much evidence of a drop is enough: thresholds from the rate of false alarms wanted (Siegmund 1985)."""

import numpy as np

from replyloop_assets.learning.comparison import Floats
from replyloop_assets.learning.health.baseline import Baseline
from replyloop_assets.learning.health.settings import HealthSettings

OVERSHOOT = 1.166  # of a normal step beyond a threshold, both sides, in standard deviations (Siegmund)
LEAST = 0.5  # of log(days between false alarms): the threshold that always suffices (Lorden 1971)
YEAR = 365.0


def thresholds(usual: Baseline, settings: HealthSettings) -> tuple[Floats, Floats]:
    """Those of an alarm and of a pivot on each day, given its usual one; infinite where it is unknown."""
    ready = (usual.days >= settings.min_baseline_days) & (usual.mean > 0)
    sd = np.maximum(np.sqrt(usual.usual_variance), 1e-12)
    k = np.where(ready, settings.design_drop * usual.mean / 2 / sd, 1.0)
    alarm, pivot = (
        np.where(ready, alarm_threshold(k, rate), np.inf)
        for rate in (settings.false_alarms_per_year, settings.false_pivots_per_year)
    )
    return alarm, pivot


def alarm_threshold(k: Floats, per_year: float) -> Floats:
    """The threshold of g, in nats, that chance alone passes so often a year.

    `k` is half the design's drop in standard deviations of a day. Solves Siegmund's approximation of
    the mean time between false alarms, (exp(a) - a - 1) / (2 k^2) days with a = g + 2 k 1.166. It is
    made for small steps: where days tell much by themselves it falls below 0, and what no day of luck
    reaches must be no alarm either, so that `LEAST` of the bound is kept.
    """
    days = YEAR / per_year
    a = np.full(np.shape(k), 5.0)
    for _ in range(40):
        a = np.log1p(2 * k**2 * days + a)
    return np.asarray(np.maximum(a - 2 * OVERSHOOT * k, LEAST * np.log(days)))


def years_between(g: Floats, k: Floats) -> Floats:
    """How many years lie between two days on which chance alone brings g so high."""
    a = g + 2 * OVERSHOOT * k
    return np.asarray((np.exp(a) - a - 1) / (2 * k**2) / YEAR)

"""Detectors of a drop, side by side on the same lives: `python -m benchmarks.detectors`.

The seed's rule and ours as the assets call them; river's ADWIN and Page-Hinkley (dependency group `bench`)
reading each reply's log(1 + followers) in turn, of which downward changes count: as shipped, and set to
about as few false alarms as ours at 20 replies a day.
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.comparison import Flags, Floats
from replyloop_assets.simulation.benches.health import (
    MISSED_AFTER,
    WARM_UP,
    YEAR,
    HealthBench,
    beginnings,
    summed,
)

LIVES = 40
SEED = 8
CASES = ((5, 0.0), (20, 0.0), (100, 0.0), (20, 0.6), (100, 0.6))
DROPS = (0.5, 0.3)
# river's parameters in units of log(1 + followers): half of what a 30% drop takes, and a height
TUNED = {"delta": 0.09, "threshold": 45.0}
Judge = Callable[[list[Floats]], Flags]


def by_rule(rule: Literal["default", "seed"]) -> Judge:
    """Ours, or the seed's."""
    return lambda days: HealthBench(rule=rule).judge(summed((y, y) for y in days))[0]


def streaming(make: Callable[[], Any], fell: Callable[[Any, float], bool]) -> Judge:
    """A detector that reads reply after reply; a day alarms where at one of its replies a fall is found.

    `fell` is asked of a detector that found a change, with its estimate of before.
    """

    def judge(days: list[Floats]) -> Flags:
        alarms = np.zeros((len(days[0]), len(days)), bool)
        for life in range(len(alarms)):
            detector = make()
            for day, replies in enumerate(days):
                for y in np.log1p(replies[life]).tolist():
                    before = getattr(detector, "estimation", 0.0)
                    detector.update(y)
                    alarms[life, day] |= detector.drift_detected and fell(detector, before)
        return alarms

    return judge


def detectors() -> dict[str, Judge]:
    """Each by its name."""
    from river import drift

    def lower(adwin: Any, before: float) -> bool:
        return bool(adwin.estimation < before)

    def any_change(detector: Any, before: float) -> bool:
        return True

    return {
        "replyloop, default": by_rule("default"),
        "replyloop, seed": by_rule("seed"),
        "ADWIN, as shipped": streaming(drift.ADWIN, lower),
        "ADWIN, tuned": streaming(lambda: drift.ADWIN(delta=0.2), lower),
        "Page-Hinkley, as shipped": streaming(lambda: drift.PageHinkley(mode="down"), any_change),
        "Page-Hinkley, tuned": streaming(lambda: drift.PageHinkley(mode="down", **TUNED), any_change),
    }


def main() -> None:
    """One table: false alarms a year, days to find each drop, and the share missed."""
    print(f"{LIVES} lives each, ± one standard error; a drop not found in {MISSED_AFTER} days is missed")
    heads = "".join(f"{f'-{drop:.0%}: days':>16}{'missed':>9}" for drop in DROPS)
    print(f"{'':<26}{'a day':>6}{'rho':>5}{'false alarms a year':>22}{heads}")
    for per_day, rho in CASES:
        lives = [play(per_day, rho, drop) for drop in (0.0, *DROPS)]
        for name, judge in detectors().items():
            quiet, *fallen = (judge(days) for days in lives)
            alarms = plus_minus(beginnings(quiet)[:, WARM_UP:].sum(-1))
            cells = "".join(describe_drop(alarmed) for alarmed in fallen)
            print(f"{name:<26}{per_day:>6}{rho:>5}{alarms:>22}{cells}", flush=True)


def play(per_day: int, rho: float, drop: float) -> list[Floats]:
    """The replies of one case, day by day: a year where nothing falls, else until a drop counts as missed."""
    days = WARM_UP + (MISSED_AFTER if drop else YEAR)
    rng = np.random.default_rng([SEED, per_day, round(100 * drop)])
    return list(HealthBench(per_day, drop, rho).replies(LIVES, days, drop, rng))


def describe_drop(alarmed: Flags) -> str:
    """Days to the alarm, and the share without one."""
    seen = alarmed[:, WARM_UP:]
    found = seen.any(-1)
    return f"{plus_minus(1 + seen[found].argmax(-1)):>16}{1 - found.mean():>9.0%}"


def plus_minus(values: NDArray[np.intp]) -> str:
    """A mean with its standard error."""
    if len(values) < 2:
        return "none"
    return f"{values.mean():.2f} ± {values.std(ddof=1) / len(values) ** 0.5:.2f}"


if __name__ == "__main__":
    main()

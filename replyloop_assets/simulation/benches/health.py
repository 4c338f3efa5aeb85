"""How well a drop is told from luck: quiet lives for false alarms, lives with a drop for the rest."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from replyloop_assets.learning.allocation.settings import AllocationSettings
from replyloop_assets.learning.comparison import Flags, Moments
from replyloop_assets.learning.health.rules import RULES
from replyloop_assets.learning.health.settings import HealthSettings
from replyloop_assets.simulation.benches.replicate import Floats, Samples, average
from replyloop_assets.simulation.outcomes import draw_followers, lifted
from replyloop_assets.simulation.rhythm import day_factors
from replyloop_assets.simulation.signals import draw_visits
from replyloop_assets.simulation.world import Rhythm, World

WARM_UP = 60
MISSED_AFTER = 30
YEAR = 365
DAY_SHOCK = 0.25  # SD of the log of a day's own factor, where autocorrelation is asked for


class Life(NamedTuple):
    """Daily sufficient statistics of followers, and of log(1 + what is watched), shape (reps, days)."""

    followers: Moments
    logs: Moments


@dataclass(frozen=True)
class HealthBench:
    """Lives of `per_day` replies a day: `WARM_UP` days, then years without and weeks with a drop.

    The world gives the outcome, the rhythm and the outages. An `autocorrelation` above 0 makes each
    day's factor hang together with the next's, with the world's shock or an SD of .25.
    """

    per_day: int = 100
    drop: float = 0.5
    autocorrelation: float = 0.0
    years: float = 1.0
    rule: str = "default"
    world: World = field(default_factory=World)
    settings: HealthSettings = field(default_factory=HealthSettings)
    sparse_positives: float = AllocationSettings().sparse_positives
    block: int = 50

    def sample(self, reps: int, rng: np.random.Generator) -> Samples:
        """Alarms and pivots of each quiet life, and after how many days each drop was seen."""
        quiet = self.live(reps, WARM_UP + max(1, round(YEAR * self.years)), 0.0, rng)
        alarmed, pivoting = self.judge(quiet)
        fallen = self.live(reps, WARM_UP + MISSED_AFTER, self.drop, rng)
        seen = self.judge(fallen)[0][:, WARM_UP:]
        delay = np.where(seen.any(-1), 1.0 + seen.argmax(-1), np.nan)
        return {
            "alarms": beginnings(alarmed)[:, WARM_UP:].sum(-1).astype(float),
            "pivots": beginnings(pivoting)[:, WARM_UP:].sum(-1).astype(float),
            "delay": delay,
        }

    def judge(self, life: Life) -> tuple[Flags, Flags]:
        """Whether each day is degraded, and whether a pivot is warranted, shape (reps, days)."""
        return RULES[self.rule].daily(life.followers, life.logs, self.settings)

    @property
    def rhythm(self) -> Rhythm:
        """The world's, with the autocorrelation asked for: of days that differ, if they do not yet."""
        rhythm = self.world.rhythm
        if not self.autocorrelation:
            return rhythm
        asked = {"autocorrelation": self.autocorrelation, "shock": rhythm.shock or DAY_SHOCK}
        return rhythm.model_copy(update=asked)

    def live(self, reps: int, days: int, drop: float, rng: np.random.Generator) -> Life:
        """Lives whose outcomes fall by `drop` from the day `WARM_UP` on."""
        return summed(self.told(reps, days, drop, rng))

    def replies(self, reps: int, days: int, drop: float, rng: np.random.Generator) -> Iterator[Floats]:
        """The followers that each reply of each day brings, shape (reps, the day's replies) a day."""
        return (followers for followers, _ in self.told(reps, days, drop, rng))

    def told(
        self, reps: int, days: int, drop: float, rng: np.random.Generator
    ) -> Iterator[tuple[Floats, Floats]]:
        """The followers of each day's replies, and what the detector watches: visits where they are rare."""
        outcome, growth = self.world.outcome, self.world.rhythm.growth
        for day, lift in enumerate(day_factors(self.rhythm, rng.standard_normal((reps, days))).T):
            left = 1 - drop if day >= WARM_UP else 1
            mean, positive = lifted(outcome.mean, outcome.positive, lift * left)
            count = 0 if self.world.trouble.away(day) else round(self.per_day * growth ** (day / YEAR))
            y = draw_followers(mean[:, None], positive[:, None], outcome.sigma, rng, (reps, count))
            seen = y
            if outcome.positive < self.sparse_positives and count:
                usual = float(np.log1p(y).mean())
                seen = draw_visits(y, usual, (lift * left)[:, None], self.world.signals, rng)
            yield y, seen

    def summarise(self, samples: Samples) -> dict[str, float]:
        """False alarms and pivots a year over quiet lives; misses and delays over those with a drop."""
        return {
            "false_alarms_per_year": average(samples["alarms"]) / self.years,
            "false_pivots_per_year": average(samples["pivots"]) / self.years,
            "miss": average(np.isnan(samples["delay"]).astype(float)),
            "mean_delay_days": average(samples["delay"]),
        }


def summed(days: Iterable[tuple[Floats, Floats]]) -> Life:
    """The daily statistics of replies, followers and what is watched, shape (lives, replies) a day."""
    sums = []
    for y, watched in days:
        logs = np.log1p(watched)
        count = np.full(len(y), float(y.shape[-1]))
        sums.append((count, y.sum(-1), (y**2).sum(-1), logs.sum(-1), (logs**2).sum(-1)))
    n, total, squares, log_total, log_squares = np.moveaxis(np.array(sums), 0, -1)
    return Life(Moments(n, total, squares), Moments(n, log_total, log_squares))


def beginnings(state: Flags) -> Flags:
    """The days on which a state begins: an episode starts after at least one day without it."""
    began = state.copy()
    began[..., 1:] &= ~state[..., :-1]
    return began

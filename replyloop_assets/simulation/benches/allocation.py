"""How much of the oracle's reward an allocation earns: a family's arms, shared out once a day."""

from dataclasses import dataclass

import numpy as np

from replyloop_assets.learning.allocation.settings import AllocationSettings
from replyloop_assets.simulation.benches.arms import draw_arms
from replyloop_assets.simulation.benches.playing import play
from replyloop_assets.simulation.benches.replicate import Floats, Samples, average
from replyloop_assets.simulation.world import World

BINS = 10  # of P(best), over which its calibration is judged


@dataclass(frozen=True)
class AllocationBench:
    """Families of `arms` over `days` of `per_day` replies."""

    world: World
    per_day: int
    days: int
    arms: int
    rule: str
    settings: AllocationSettings
    block: int = 50

    def sample(self, reps: int, rng: np.random.Generator) -> Samples:
        """Each family's reward over the oracle's, the least that was explored, and P(best) by bins."""
        arms = draw_arms(self.world, self.arms, reps, self.days, rng)
        earned, explored = np.zeros(reps), np.ones(reps)
        foretold = np.zeros((3, reps, BINS))
        days = play(arms, self.per_day, self.rule, self.settings, rng)
        for mean, day in zip(arms.mean, days, strict=True):
            earned += (day.shares * mean).sum(-1)
            explored = np.minimum(explored, 1 - day.shares.max(-1))
            if day.chances is not None:
                foretold += binned(day.chances, mean)
        oracle = arms.mean.max(-1).sum(0)
        return {
            "oracle": earned / oracle,
            "uniform": arms.mean.mean(-1).sum(0) / oracle,
            "explored": explored,
            **dict(zip(("arms", "chance", "best"), foretold, strict=True)),
        }

    def summarise(self, samples: Samples) -> dict[str, float]:
        """Averages over families; the expected calibration error over all days and arms."""
        arms, chance, best = (samples[name].sum(0) for name in ("arms", "chance", "best"))
        told = arms.sum()
        return {
            "oracle_fraction": average(samples["oracle"]),
            "uniform_fraction": average(samples["uniform"]),
            "min_exploration": round(float(samples["explored"].min()), 9),  # shares have 12 digits
            "ece": float(np.abs(chance - best).sum() / told) if told else np.nan,
        }


def binned(chances: Floats, mean: Floats) -> Floats:
    """How many arms lie in each bin of P(best), their sum of it, and how many are it: (3, reps, bins)."""
    reps = np.arange(len(chances))[:, None]
    place = np.minimum((chances * BINS).astype(int), BINS - 1)
    found = np.zeros((3, len(chances), BINS))
    is_best = mean == mean.max(-1, keepdims=True)
    for part, value in zip(found, (np.ones(chances.shape), chances, is_best), strict=True):
        np.add.at(part, (reps, place), value)
    return found

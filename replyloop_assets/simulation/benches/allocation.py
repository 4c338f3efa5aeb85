"""How much of the oracle's reward an allocation earns: a family's arms, shared out once a day.

A day's outcomes are known the next day. The seed's rule learns from all replies so far.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.allocation.hurdle import Daily, believe, fresh, update
from replyloop_assets.learning.allocation.shares import (
    AllocationSettings,
    choose,
    ranked_shares,
    thompson_draws,
)
from replyloop_assets.simulation.benches.arms import draw_arms
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
    rule: Literal["default", "seed"]
    settings: AllocationSettings
    block: int = 50

    def sample(self, reps: int, rng: np.random.Generator) -> Samples:
        """Each family's reward over the oracle's, the least that was explored, and P(best) by bins."""
        count = self.arms
        arms = draw_arms(self.world, count, reps, self.days, rng)
        state = fresh(np.ones((reps, count), bool))
        successes, failures = np.zeros((2, reps, count))
        earned, explored = np.zeros(reps), np.ones(reps)
        foretold = np.zeros((3, reps, BINS))
        for day in range(self.days):
            if self.rule == "seed":
                shares = ranked_shares(thompson_draws(successes, failures, rng), self.settings) / 100
            else:
                chances, shares = choose(believe(state), self.settings.exploration_share / 100, self.settings)
                foretold += binned(chances, arms.mean[day])
            earned += (shares * arms.mean[day]).sum(-1)
            explored = np.minimum(explored, 1 - shares.max(-1))
            chosen = (rng.random((reps, self.per_day, 1)) > shares.cumsum(-1)[:, None, :-1]).sum(-1)
            y = arms.draw(day, chosen, rng)
            of_arm = chosen[..., None] == np.arange(count)
            if self.rule == "seed":
                success = (y >= self.settings.success_followers)[..., None]
                successes, failures = (
                    successes + (of_arm & success).sum(1),
                    failures + (of_arm & ~success).sum(1),
                )
            else:
                state = update(state, statistics(y, of_arm))
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


def statistics(y: Floats, of_arm: NDArray[np.bool_]) -> Daily:
    """A day's sufficient statistics, as the rollup has them; `of_arm` has shape (reps, replies, arms)."""
    log = np.log(np.maximum(y, 1))
    parts = (np.ones(y.shape), (y > 0).astype(float), log, log**2)
    return Daily(*((part[..., None] * of_arm).sum(1) for part in parts))


def binned(chances: Floats, mean: Floats) -> Floats:
    """How many arms lie in each bin of P(best), their sum of it, and how many are it: (3, reps, bins)."""
    reps = np.arange(len(chances))[:, None]
    place = np.minimum((chances * BINS).astype(int), BINS - 1)
    found = np.zeros((3, len(chances), BINS))
    is_best = mean == mean.max(-1, keepdims=True)
    for part, value in zip(found, (np.ones(chances.shape), chances, is_best), strict=True):
        np.add.at(part, (reps, place), value)
    return found

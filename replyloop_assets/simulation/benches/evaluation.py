"""How true policy evaluation is: logs that an allocation wrote, and targets whose worth is known.

The targets put 90% on one of the log's two best arms, the rest evenly on the others. Both are judged on
each log; coverage is that of the intervals that were not refused.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.allocation.hurdle import believe, fresh, update
from replyloop_assets.learning.allocation.shares import (
    AllocationSettings,
    choose,
    ranked_shares,
    thompson_draws,
)
from replyloop_assets.learning.evaluation.estimate import EvaluationSettings, evaluate
from replyloop_assets.simulation.benches.allocation import statistics
from replyloop_assets.simulation.benches.arms import Arms, draw_arms
from replyloop_assets.simulation.benches.replicate import Floats, Samples, average
from replyloop_assets.simulation.world import World

Places = NDArray[np.intp]

ON_TARGET = 0.9
TARGETS = 2  # the best arm, and the second


@dataclass(frozen=True)
class EvaluationBench:
    """Logs of `per_day` replies a day over `days`, the arms shared out once a day by the rule."""

    world: World
    per_day: int
    days: int
    rule: Literal["default", "seed"]
    allocation: AllocationSettings
    settings: EvaluationSettings
    block: int = 10

    def sample(self, reps: int, rng: np.random.Generator) -> Samples:
        """Of each log and target: whether the interval held the truth, was refused, and the ESS."""
        arms = draw_arms(self.world, self.world.arms.count, reps, self.days, rng)
        offered, chosen, y = self.write_log(arms, rng)
        mean = arms.mean.mean(0)
        logged = (offered * arms.mean).sum(-1).mean(0)
        log = (
            np.repeat(np.swapaxes(offered, 0, 1), self.per_day, axis=1),
            np.swapaxes(chosen, 0, 1).reshape(reps, -1),
            np.swapaxes(y, 0, 1).reshape(reps, -1),
        )
        found: dict[str, list[Floats]] = {"covered": [], "refused": [], "ess": []}
        for place in range(TARGETS):
            wanted = np.argsort(-mean, -1)[:, place, None] == np.arange(mean.shape[-1])
            target = np.where(wanted, ON_TARGET, (1 - ON_TARGET) / (mean.shape[-1] - 1))
            truth = (target * mean).sum(-1) / logged
            told = evaluate(*log, target, self.settings)
            found["covered"].append(((told.low <= truth) & (truth <= told.high)).astype(float))
            found["refused"].append((told.ess < self.settings.least_effective).astype(float))
            found["ess"].append(told.ess)
        return {name: np.stack(parts, -1) for name, parts in found.items()}

    def write_log(self, arms: Arms, rng: np.random.Generator) -> tuple[Floats, Places, Floats]:
        """Each day's shares (days, reps, arms), and its replies' arms and followers (days, reps, replies)."""
        days, reps, count = arms.mean.shape
        shares = np.zeros(arms.mean.shape)
        chosen = np.zeros((days, reps, self.per_day), int)
        y = np.zeros(chosen.shape)
        successes, failures = np.zeros((2, reps, count))
        state = fresh(np.ones((reps, count), bool))
        for day in range(days):
            if self.rule == "seed":
                shares[day] = ranked_shares(thompson_draws(successes, failures, rng), self.allocation) / 100
            else:
                exploration = self.allocation.exploration_share / 100
                shares[day] = choose(believe(state), exploration, self.allocation).shares
            uniform = rng.random((reps, self.per_day, 1))
            chosen[day] = (uniform > shares[day].cumsum(-1)[:, None, :-1]).sum(-1)
            y[day] = arms.draw(day, chosen[day], rng)
            of_arm = chosen[day][..., None] == np.arange(count)
            if self.rule == "seed":
                success = (y[day] >= self.allocation.success_followers)[..., None]
                successes = successes + (of_arm & success).sum(1)
                failures = failures + (of_arm & ~success).sum(1)
            else:
                state = update(state, statistics(y[day], of_arm))
        return shares, chosen, y

    def summarise(self, samples: Samples) -> dict[str, float]:
        """Rates over all targets; coverage over those that were not refused."""
        told = samples["refused"] == 0
        return {
            "coverage": average(samples["covered"][told]),
            "refused": average(samples["refused"]),
            "mean_ess": average(samples["ess"]),
        }

"""How true policy evaluation is: logs that an allocation wrote, and targets whose worth is known.

The targets put 90% on one of the log's two best arms, the rest evenly on the others. Both are judged on
each log; coverage is that of the intervals that were not refused.
"""

from dataclasses import dataclass

import numpy as np

from replyloop_assets.learning.allocation.settings import AllocationSettings
from replyloop_assets.learning.evaluation.estimate import evaluate
from replyloop_assets.learning.evaluation.settings import EvaluationSettings
from replyloop_assets.simulation.benches.arms import draw_arms
from replyloop_assets.simulation.benches.playing import play
from replyloop_assets.simulation.benches.replicate import Floats, Samples, average
from replyloop_assets.simulation.world import World

ON_TARGET = 0.9
TARGETS = 2  # the best arm, and the second


@dataclass(frozen=True)
class EvaluationBench:
    """Logs of `per_day` replies a day over `days`, the arms shared out once a day by the rule."""

    world: World
    per_day: int
    days: int
    rule: str
    allocation: AllocationSettings
    settings: EvaluationSettings
    block: int = 10

    def sample(self, reps: int, rng: np.random.Generator) -> Samples:
        """Of each log and target: whether the interval held the truth, was refused, and the ESS."""
        arms = draw_arms(self.world, self.world.arms.count, reps, self.days, rng)
        log = list(play(arms, self.per_day, self.rule, self.allocation, rng))
        offered = np.stack([day.shares for day in log])
        chosen = np.concatenate([day.chosen for day in log], -1)
        y = np.concatenate([day.y for day in log], -1)
        mean = arms.mean.mean(0)
        logged = (offered * arms.mean).sum(-1).mean(0)
        each_offered = np.repeat(np.swapaxes(offered, 0, 1), self.per_day, axis=1)
        found: dict[str, list[Floats]] = {"covered": [], "refused": [], "ess": []}
        for place in range(TARGETS):
            wanted = np.argsort(-mean, -1)[:, place, None] == np.arange(mean.shape[-1])
            target = np.where(wanted, ON_TARGET, (1 - ON_TARGET) / (mean.shape[-1] - 1))
            truth = (target * mean).sum(-1) / logged
            told = evaluate(each_offered, chosen, y, target, self.settings)
            found["covered"].append(((told.low <= truth) & (truth <= told.high)).astype(float))
            found["refused"].append((told.ess < self.settings.least_effective).astype(float))
            found["ess"].append(told.ess)
        return {name: np.stack(parts, -1) for name, parts in found.items()}

    def summarise(self, samples: Samples) -> dict[str, float]:
        """Rates over all targets; coverage over those that were not refused."""
        told = samples["refused"] == 0
        return {
            "coverage": average(samples["covered"][told]),
            "refused": average(samples["refused"]),
            "mean_ess": average(samples["ess"]),
        }

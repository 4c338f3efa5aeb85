"""How true policy evaluation is: logs that an allocation wrote, and targets whose worth is known.

The targets put 90% on one of the log's two best arms, the rest evenly on the others. Both are judged on
each log; coverage is that of the intervals that were not refused. Beside it stands what the replies' weights
say alone, without the belief, refused below 300 effective replies.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from replyloop_assets.learning.allocation.settings import AllocationSettings
from replyloop_assets.learning.evaluation.estimate import evaluate
from replyloop_assets.learning.evaluation.propensity import evaluate_by_propensity
from replyloop_assets.learning.evaluation.settings import EvaluationSettings
from replyloop_assets.simulation.benches.arms import draw_arms
from replyloop_assets.simulation.benches.playing import play
from replyloop_assets.simulation.benches.replicate import Floats, Samples, average
from replyloop_assets.simulation.world import World

ON_TARGET = 0.9
TARGETS = 2  # the best arm, and the second
LEAST_EFFECTIVE = 300


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
        found = defaultdict[str, list[Floats]](list)
        for place in range(TARGETS):
            wanted = np.argsort(-mean, -1)[:, place, None] == np.arange(mean.shape[-1])
            target = np.where(wanted, ON_TARGET, (1 - ON_TARGET) / (mean.shape[-1] - 1))
            truth = (target * mean).sum(-1) / logged
            told = evaluate(each_offered, chosen, y, target, self.settings)
            alone = evaluate_by_propensity(each_offered, chosen, y, target, self.settings)
            for kind, one, refused in (
                ("", told, ~told.is_told(self.settings)),
                ("propensity_", alone, alone.ess < LEAST_EFFECTIVE),
            ):
                found[f"{kind}covered"].append(((one.low <= truth) & (truth <= one.high)).astype(float))
                found[f"{kind}refused"].append(refused.astype(float))
                found[f"{kind}error"].append(np.log(np.maximum(one.ratio, 1e-3) / truth))
                found[f"{kind}ess"].append(one.ess)
        return {name: np.stack(parts, -1) for name, parts in found.items()}

    def summarise(self, samples: Samples) -> dict[str, float]:
        """Rates over all targets; coverage over those that were not refused."""
        answer = {}
        for kind in ("", "propensity_"):
            told = samples[f"{kind}refused"] == 0
            answer[f"{kind}coverage"] = average(samples[f"{kind}covered"][told])
            answer[f"{kind}refused"] = average(samples[f"{kind}refused"])
            answer[f"{kind}log_rmse"] = average(samples[f"{kind}error"] ** 2) ** 0.5
            answer[f"{kind}mean_ess"] = average(samples[f"{kind}ess"])
        return answer

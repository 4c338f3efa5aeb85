"""How often a trend's interval holds the true change a week: daily replies whose mean grows in a line."""

from dataclasses import dataclass, field

import numpy as np

from replyloop_assets.learning.health.trends import find_trends
from replyloop_assets.simulation.benches.replicate import Floats, Samples, average
from replyloop_assets.simulation.outcomes import draw_followers, lifted
from replyloop_assets.simulation.rhythm import day_factors
from replyloop_assets.simulation.world import World


@dataclass(frozen=True)
class TrendBench:
    """Lives of `per_day` replies a day whose mean changes by N(0, spread^2) of its level a week.

    Each life's trend is looked at alone. The world gives the outcome and the rhythm: weekdays, and days that
    have luck of their own.
    """

    per_day: int = 50
    days: int = 56
    spread: float = 0.03
    world: World = field(default_factory=World)
    block: int = 50

    def sample(self, reps: int, rng: np.random.Generator) -> Samples:
        """Whether each interval held the truth, and how wide it was."""
        slope = np.clip(rng.normal(0, self.spread, (reps, 1)), -0.2, 0.2)
        middle = (np.arange(self.days) - (self.days - 1) / 2) / 7
        factor = day_factors(self.world.rhythm, rng.standard_normal((reps, self.days)))
        n, total = self.live((1 + slope * middle) * factor, rng)
        found = find_trends(n, total, np.ones(reps, bool))
        held = (found.low <= slope[:, 0]) & (slope[:, 0] <= found.high)
        known = np.isfinite(found.low)
        return {
            "covered": np.where(known, held, np.nan),
            "width": found.high - found.low,
        }

    def live(self, factor: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Replies a day, and what they brought, shape (reps, days)."""
        mean, positive = lifted(self.world.outcome.mean, self.world.outcome.positive, factor[..., None])
        shape = (*factor.shape, self.per_day)
        y = draw_followers(mean, positive, self.world.outcome.sigma, rng, shape)
        return np.full(factor.shape, float(self.per_day)), y.sum(-1)

    def summarise(self, samples: Samples) -> dict[str, float]:
        """The coverage, and the usual width in parts of the level a week."""
        return {"coverage": average(samples["covered"]), "width": average(samples["width"])}

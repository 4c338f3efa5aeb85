"""What choosing a generator for each account earns: accounts and generators whose true means are known.

log m = log of the outcome's mean + account N(0, .5^2) + generator N(0, .2^2) + interaction N(0, .2^2);
the chance of any is the outcome's times sqrt(m / its mean), within .05 to .9. The first generator is
the default one. Shares are set once a day, from the outcomes of the days before, since the last change of
the generators that is certain.
"""

from dataclasses import dataclass

import numpy as np

from replyloop_assets.learning.allocation.belief import fresh
from replyloop_assets.learning.allocation.hurdle import Daily, update
from replyloop_assets.learning.generators.pooling import Counts, believe
from replyloop_assets.learning.generators.rules import RULES
from replyloop_assets.learning.generators.settings import GeneratorSettings
from replyloop_assets.simulation.benches.replicate import Floats, Samples, average
from replyloop_assets.simulation.outcomes import draw_followers
from replyloop_assets.simulation.world import Outcome

ACCOUNT_SD, GENERATOR_SD, INTERACTION_SD = 0.5, 0.2, 0.2
HITS_WITHIN = (0.05, 0.9)
DEFAULT = 0  # the place of the default generator


@dataclass(frozen=True)
class GeneratorsBench:
    """`per_day` replies a day to each of `accounts` accounts, written by one of `generators`."""

    accounts: int
    generators: int
    per_day: int
    days: int
    rule: str
    outcome: Outcome
    settings: GeneratorSettings
    block: int = 25

    def sample(self, reps: int, rng: np.random.Generator) -> Samples:
        """Of each life, what was earned as a part of what the best generator of each account brings."""
        shape = (reps, self.accounts, self.generators)
        spread = rng.normal(0, ACCOUNT_SD, (reps, self.accounts, 1))
        spread = spread + rng.normal(0, GENERATOR_SD, (reps, 1, self.generators))
        mean = self.outcome.mean * np.exp(spread + rng.normal(0, INTERACTION_SD, shape))
        relative = mean / mean.max(-1, keepdims=True)
        history = np.zeros((self.days, len(Counts._fields), *shape))
        earned = np.zeros((self.days, reps, self.accounts))
        arms = fresh(np.ones((reps, self.generators), bool))
        for day in range(self.days):
            age = day - np.arange(day)
            steady = age[:, None] <= np.minimum(arms.steady_days, self.settings.window_days)
            window = np.einsum("dr,dprag->prag", steady, history[:day])
            shares = self.shares(Counts(*window))
            history[day] = self.play(mean, shares, rng)
            n, positives, _, sum_log, sum_log2 = history[day].sum(-2)
            arms = update(arms, Daily(n, positives, sum_log, sum_log2))
            earned[day] = (history[day, 0] * relative).sum(-1) / self.per_day
        return {"oracle": earned.mean((0, 2)), "uniform": relative.mean((1, 2))}

    def shares(self, counts: Counts) -> Floats:
        """The rule's share of each generator in each account."""
        head_start = np.where(np.arange(self.generators) == DEFAULT, self.settings.default_advantage, 0.0)
        return RULES[self.rule].shares(counts, lambda: believe(counts, head_start), DEFAULT, self.settings)

    def play(self, mean: Floats, shares: Floats, rng: np.random.Generator) -> Floats:
        """One day's replies: their sufficient statistics by account and generator, (5, ...)."""
        uniform = rng.random((*mean.shape[:-1], self.per_day, 1))
        chosen = (uniform > shares.cumsum(-1)[..., None, :-1]).sum(-1)
        played = np.take_along_axis(mean, chosen, -1)
        hits = np.clip(self.outcome.positive * np.sqrt(played / self.outcome.mean), *HITS_WITHIN)
        y = draw_followers(played, hits, self.outcome.sigma, rng)
        log = np.log(np.maximum(y, 1))
        is_chosen = chosen[..., None] == np.arange(self.generators)
        told = np.stack([np.ones(y.shape), y > 0, y, log, log**2])
        return np.asarray((told[..., None] * is_chosen).sum(-2))

    def summarise(self, samples: Samples) -> dict[str, float]:
        """Fractions of the oracle, averaged over accounts and lives: every account counts alike."""
        return {
            "oracle_fraction": average(samples["oracle"]),
            "uniform_fraction": average(samples["uniform"]),
        }

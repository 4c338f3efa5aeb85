"""A family played day by day: shared out by a rule, replied to, learned from.

A day's outcomes are known the next day. The seed's rule learns from all replies so far.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.allocation.belief import believe, fresh
from replyloop_assets.learning.allocation.hurdle import Daily, update
from replyloop_assets.learning.allocation.rules.likeliest import choose
from replyloop_assets.learning.allocation.rules.seed import ranked_shares, thompson_draws
from replyloop_assets.learning.allocation.settings import AllocationSettings
from replyloop_assets.simulation.benches.arms import Arms
from replyloop_assets.simulation.benches.replicate import Floats


class Day(NamedTuple):
    """A day of many families, whose axis is the first of each.

    P(best), untempered, of the default rule alone, and shares by arm; arm and followers by reply.
    """

    chances: Floats | None
    shares: Floats
    chosen: NDArray[np.intp]
    y: Floats


class Player(Protocol):
    """How a rule plays many dimensions at once: shares for the day, then what the day taught."""

    def shares(self, rng: np.random.Generator) -> tuple[Floats | None, Floats]:
        """P(best), where the rule knows it, and the shares of the day, each (reps, arms)."""

    def learn(self, y: Floats, of_arm: NDArray[np.bool_]) -> None:
        """What the day's replies brought, (reps, replies), and of which arm each is."""


class Likeliest:
    """The default rule, day by day."""

    def __init__(self, reps: int, count: int, settings: AllocationSettings) -> None:
        self.settings, self.state = settings, fresh(np.ones((reps, count), bool))

    def shares(self, rng: np.random.Generator) -> tuple[Floats | None, Floats]:
        """As `Player`."""
        return choose(believe(self.state), self.settings.exploration_share / 100, self.settings)

    def learn(self, y: Floats, of_arm: NDArray[np.bool_]) -> None:
        """As `Player`."""
        self.state = update(self.state, statistics(y, of_arm))


class Seed:
    """The seed's rule, which learns from all replies so far."""

    def __init__(self, reps: int, count: int, settings: AllocationSettings) -> None:
        self.settings = settings
        self.successes, self.failures = np.zeros((2, reps, count))

    def shares(self, rng: np.random.Generator) -> tuple[Floats | None, Floats]:
        """As `Player`."""
        return None, ranked_shares(thompson_draws(self.successes, self.failures, rng), self.settings) / 100

    def learn(self, y: Floats, of_arm: NDArray[np.bool_]) -> None:
        """As `Player`."""
        success = (y >= self.settings.success_followers)[..., None]
        self.successes = self.successes + (of_arm & success).sum(1)
        self.failures = self.failures + (of_arm & ~success).sum(1)


PLAYERS: dict[str, type[Likeliest] | type[Seed]] = {"default": Likeliest, "seed": Seed}


def play(
    arms: Arms, per_day: int, rule: str, settings: AllocationSettings, rng: np.random.Generator
) -> Iterator[Day]:
    """Every day of the arms in turn."""
    days, reps, count = arms.mean.shape
    player: Player = PLAYERS[rule](reps, count, settings)
    for day in range(days):
        chances, shares = player.shares(rng)
        chosen = (rng.random((reps, per_day, 1)) > shares.cumsum(-1)[:, None, :-1]).sum(-1)
        y = arms.draw(day, chosen, rng)
        yield Day(chances, shares, chosen, y)
        player.learn(y, chosen[..., None] == np.arange(count))


def statistics(y: Floats, of_arm: NDArray[np.bool_]) -> Daily:
    """A day's sufficient statistics, as the rollup has them; `of_arm` has shape (reps, replies, arms)."""
    log = np.log(np.maximum(y, 1))
    parts = (np.ones(y.shape), (y > 0).astype(float), log, log**2)
    return Daily(*((part[..., None] * of_arm).sum(1) for part in parts))

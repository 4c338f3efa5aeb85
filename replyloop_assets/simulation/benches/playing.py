"""A family played day by day: shared out by a rule, replied to, learned from.

A day's outcomes are known the next day. The seed's rule learns from all replies so far.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.allocation.hurdle import Daily, believe, fresh, update
from replyloop_assets.learning.allocation.settings import AllocationSettings
from replyloop_assets.learning.allocation.shares import (
    choose,
    ranked_shares,
    thompson_draws,
)
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


def play(
    arms: Arms,
    per_day: int,
    rule: Literal["default", "seed"],
    settings: AllocationSettings,
    rng: np.random.Generator,
) -> Iterator[Day]:
    """Every day of the arms in turn."""
    days, reps, count = arms.mean.shape
    state = fresh(np.ones((reps, count), bool))
    successes, failures = np.zeros((2, reps, count))
    for day in range(days):
        chances = None
        if rule == "seed":
            shares = ranked_shares(thompson_draws(successes, failures, rng), settings) / 100
        else:
            chances, shares = choose(believe(state), settings.exploration_share / 100, settings)
        chosen = (rng.random((reps, per_day, 1)) > shares.cumsum(-1)[:, None, :-1]).sum(-1)
        y = arms.draw(day, chosen, rng)
        yield Day(chances, shares, chosen, y)
        of_arm = chosen[..., None] == np.arange(count)
        if rule == "seed":
            success = (y >= settings.success_followers)[..., None]
            successes = successes + (of_arm & success).sum(1)
            failures = failures + (of_arm & ~success).sum(1)
        else:
            state = update(state, statistics(y, of_arm))


def statistics(y: Floats, of_arm: NDArray[np.bool_]) -> Daily:
    """A day's sufficient statistics, as the rollup has them; `of_arm` has shape (reps, replies, arms)."""
    log = np.log(np.maximum(y, 1))
    parts = (np.ones(y.shape), (y > 0).astype(float), log, log**2)
    return Daily(*((part[..., None] * of_arm).sum(1) for part in parts))

"""The arms of one family in a world, day by day: what a reply of each really brings."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.simulation.benches.replicate import Floats
from replyloop_assets.simulation.outcomes import draw_followers, lifted
from replyloop_assets.simulation.rhythm import day_factors, left_by_drops, span
from replyloop_assets.simulation.world import World


class Arms(NamedTuple):
    """The true mean, chance of any and log SD of each arm's followers, shape (days, reps, arms)."""

    mean: Floats
    positive: Floats
    sigma: Floats

    def draw(self, day: int, chosen: NDArray[np.intp], rng: np.random.Generator) -> Floats:
        """New followers of a day's replies by the arms chosen, shape (reps, replies)."""
        mean, positive, sigma = (np.take_along_axis(part[day], chosen, -1) for part in self)
        return draw_followers(mean, positive, sigma, rng)


def draw_arms(world: World, arms: int, reps: int, days: int, rng: np.random.Generator) -> Arms:
    """The arms of `reps` families, and what becomes of them.

    The family has no names: what hits one arm of it, hits one by chance.
    """
    law, outcome = world.arms, world.outcome
    log = np.repeat(rng.normal(0, law.spread, (1, reps, arms)), days, axis=0)
    tilt = np.exp(rng.normal(0, law.hits_spread, (reps, arms)))
    sigma = rng.choice(law.sigmas or (outcome.sigma,), (reps, arms))
    if law.walk:
        log[1:] += rng.normal(0, law.walk, (days - 1, reps, arms)).cumsum(0)
    mean = outcome.mean * np.exp(law.pull * log)
    hits = np.clip(outcome.positive * (mean / outcome.mean) ** law.hits_follow * tilt, *law.hits_within)
    found = Arms(mean, hits, np.broadcast_to(sigma, mean.shape).copy())
    every = np.arange(reps)
    for change in world.change:
        if change.day >= days or change.kind == "drop":
            continue
        order = np.argsort(found.mean[change.day], -1)
        since = span(change)
        if change.kind == "algorithm":
            hit = every, order[every, rng.integers(arms, size=reps)]
            for part, factor in zip(found[:2], (1 - change.size, np.sqrt(1 - change.size)), strict=True):
                part[since][:, *hit] *= factor
            continue
        best, other = order[:, -1], order[every, rng.integers(arms // 2, size=reps)]
        for part in found:
            former = part[since][:, every, best].copy()
            part[since][:, every, best] = part[since][:, every, other]
            part[since][:, every, other] = former
    noise = rng.standard_normal((days, reps)).T
    factor = (day_factors(world.rhythm, noise) * left_by_drops(world.change, days)).T[..., None]
    return Arms(*lifted(found.mean, found.positive, factor), found.sigma)

"""What a reply gathers besides followers, and how it grows with age."""

from typing import NamedTuple

import numpy as np

from replyloop_assets.simulation.outcomes import Floats
from replyloop_assets.simulation.world import Signals

RIPE_HOURS = 24.0
IMPRESSIONS_PER_VISIT = 12
LARGEST_RATE = 1e8  # of a Poisson draw


class Counts(NamedTuple):
    """What X shows of a reply."""

    followers: int
    visits: int
    likes: int
    impressions: int


def draw_counts(
    followers: float, usual: float, relative: float, law: Signals, rng: np.random.Generator
) -> Counts:
    """The counts of a ripe reply that brought `followers`, where log(1 + followers) is `usual` on average.

    How far it was seen is a log-normal factor of each count, which leans on how many followed; every
    follower visited the profile, and every visitor saw the reply.
    """
    followed = np.log1p(followers) - usual
    seen = law.together * followed + np.sqrt(1 - law.together**2) * rng.standard_normal(3)
    reach = relative * np.exp(law.spread * seen - law.spread**2 / 2)
    visits, likes, impressions = rng.poisson(
        np.minimum(reach * [law.visits, law.likes, law.impressions], LARGEST_RATE)
    )
    visits += followers
    return Counts(int(followers), int(visits), int(likes), int(impressions + IMPRESSIONS_PER_VISIT * visits))


def draw_visits(
    followers: Floats, usual: float, relative: Floats, law: Signals, rng: np.random.Generator
) -> Floats:
    """The profile visits of many ripe replies, by the same law; of the shape of `followers`."""
    leans = law.together * (np.log1p(followers) - usual)
    seen = leans + np.sqrt(1 - law.together**2) * rng.standard_normal(followers.shape)
    reach = relative * np.exp(law.spread * seen - law.spread**2 / 2)
    return np.asarray(rng.poisson(np.minimum(reach * law.visits, LARGEST_RATE)) + followers)


def grown(counts: Counts, age_hours: float, half_ripe_hours: float) -> Counts:
    """The counts at an age: all of them after 24 hours, half after `half_ripe_hours`, never falling."""
    ripe = 1 - 0.5 ** (RIPE_HOURS / half_ripe_hours)
    part = min((1 - 0.5 ** (age_hours / half_ripe_hours)) / ripe, 1.0)
    return Counts(*(int(part * count + 1e-9) for count in counts))

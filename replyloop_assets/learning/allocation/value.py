"""What a reply is worth: a blend of what it brings of each metric, on the log scale.

Followers alone by default. Where hardly any reply brings one, an arm's followers are its visits times
its conversion, shrunk to the family's: visits are dense, and most of what differs between arms shows
in them (surrogate outcomes: Prentice 1989).
"""

from collections.abc import Mapping

import numpy as np

from replyloop_assets.learning.allocation.belief import Beliefs
from replyloop_assets.learning.comparison import Floats

CONVERSION_SD = 0.4  # of the arms' log conversions of visits to followers, around the family's


def blend(beliefs: Mapping[str, Beliefs], weights: Mapping[str, float]) -> Beliefs:
    """Log E of the weighted sum, arms last; deviations by the delta method, the metrics independent."""
    mean = np.stack([beliefs[metric].mean + np.log(weights[metric]) for metric in beliefs])
    deviation = np.stack([of.deviation for of in beliefs.values()])
    most = mean.max(0)
    worth = np.exp(mean - most)
    total = worth.sum(0)
    return Beliefs(most + np.log(total), np.sqrt(((worth / total * deviation) ** 2).sum(0)))


def converted(visits: Beliefs, followers: Floats, visited: Floats, replies: Floats) -> Beliefs:
    """Followers by their surrogate: the belief in visits, times each arm's shrunk conversion.

    An arm's followers are a Poisson count around its believed visits times its conversion, whose logarithm
    lies about the family's: its likeliest value in closed form. The visits are those believed, not those
    seen, so that visits which say nothing yet of the arm say nothing of its conversion either: more
    visits never make an arm look worse.

    Args:
        followers: of each arm over the window, shape (..., arms).
        visited: visits of the same replies.
        replies: how many these are.
    """
    from scipy.special import wrightomega

    total = visited.sum(-1, keepdims=True)
    common = (followers.sum(-1, keepdims=True) + 0.5) / (total + 1)
    spread = CONVERSION_SD**2
    expected = visits.mean + np.log(common) + np.log(np.maximum(replies, 1e-9))
    # the root of off = spread (followers - exp(expected + off)): Lambert's W of an exponential
    pull = wrightomega(np.log(spread) + expected + spread * followers)
    return Beliefs(
        visits.mean + np.log(common) + spread * followers - pull,
        np.sqrt(visits.deviation**2 + spread / (1 + pull)),
    )

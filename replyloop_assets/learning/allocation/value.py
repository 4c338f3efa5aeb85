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


def converted(visits: Beliefs, followers: Floats, visited: Floats) -> Beliefs:
    """Followers by their surrogate: the belief in visits, times each arm's shrunk conversion.

    Args:
        followers: of each arm over the window, shape (..., arms).
        visited: visits of the same replies.
    """
    total = visited.sum(-1, keepdims=True)
    common = (followers.sum(-1, keepdims=True) + 0.5) / (total + 1)
    noise = 1 / (followers + 0.5)  # of the log of a count
    ratio = np.log((followers + 0.5) / (visited * common + 0.5))
    kept = CONVERSION_SD**2 / (CONVERSION_SD**2 + noise)
    return Beliefs(
        visits.mean + np.log(common) + kept * ratio,
        np.sqrt(visits.deviation**2 + CONVERSION_SD**2 * (1 - kept)),
    )

"""Group-sequential bounds: how far a statistic must have come at each of many looks at the same data.

Looking again and again finds a "significant" difference sooner or later. A spending function says how much
of the error may have been used by each look; the bounds follow from the joint law of the statistics.
"""

from functools import cache
from math import pi, sqrt

import numpy as np

from replyloop_assets.learning.comparison import Floats

LEAST_SPENT = 1e-9  # what is left for a look below this is saved for the next
LEAST_NEW = 0.002  # of the information: a look that adds less would repeat the one before
REACH = 6.5  # standard deviations below 0 that are followed
FURTHEST = 12.0  # no bound lies beyond
DENSE = 1.6  # nodes per standard deviation of what a look adds


def obrien_fleming_spending(fraction: Floats, level: float) -> Floats:
    """The error that may have been spent by each fraction of the trial, one-sided.

    2 - 2 Phi(z(level / 2) / sqrt(fraction)): Lan and DeMets (1983), of the O'Brien-Fleming type: next to
    nothing early, nearly all of it at the end.
    """
    from scipy.special import ndtr, ndtri

    fraction = np.clip(np.asarray(fraction, float), 1e-12, 1)
    return np.asarray(2 * ndtr(ndtri(level / 2) / np.sqrt(fraction)))


def upper_bounds(information: Floats, spent: Floats) -> Floats:
    """The bound of the z statistic at each look, without regard to any lower bound.

    Armitage, McPherson and Rowe (1969): the density of the score that has crossed no bound yet is carried
    from look to look by quadrature. What the calendar has spent and how much information came may differ
    (Lan and DeMets 1989): the error is kept either way.

    Args:
        information: at each look, in any unit, not decreasing; any leading axes, looks last. NaN or no more
            than before: nothing is tested then.
        spent: cumulative error spent by each look, the looks as its only axis.

    Returns:
        bounds of the shape of `information`; infinite where nothing is tested. A prefix of the looks has
        the bounds of the whole.
    """
    rows = np.nan_to_num(np.asarray(information, float)).reshape(-1, np.shape(information)[-1])
    distinct, which = np.unique(rows, axis=0, return_inverse=True)
    bounds = np.array([path_bounds(tuple(row), tuple(spent)) for row in distinct])
    return bounds[which.reshape(-1)].reshape(np.shape(information))


def path_bounds(information: tuple[float, ...], spent: tuple[float, ...]) -> list[float]:
    """The bounds along one path of information; to nine decimals, lest the last bit decide."""
    bounds = [np.inf] * len(spent)
    known, used = 0.0, 0.0
    score, mass = np.zeros(1), np.ones(1)
    for at, (now, allowed) in enumerate(zip(information, spent, strict=True)):
        if now - known <= LEAST_NEW * now or allowed - used < LEAST_SPENT:
            continue
        bounds[at] = round(crossing(score, mass, sqrt(now), sqrt(now - known), allowed - used), 9)
        score, mass = advance(score, mass, now, now - known, bounds[at])
        known, used = now, allowed
    return bounds


def crossing_probabilities(information: Floats, bounds: Floats, drift: float) -> Floats:
    """The chance that the statistic crosses its bound at each look and at none before; shape (looks,).

    Args:
        information: at each look, not decreasing, as `bounds` were made for.
        drift: the expected z at the last look; 0 gives the error, an effect's z its power.
    """
    from scipy.special import ndtr

    crossed, known = np.zeros(len(bounds)), 0.0
    score, mass = np.zeros(1), np.ones(1)
    for at, (now, bound) in enumerate(zip(map(float, information), map(float, bounds), strict=True)):
        if not np.isfinite(bound):
            continue
        push = drift / sqrt(float(information[-1]))
        moved = score + push * (now - known)
        crossed[at] = (mass * ndtr((moved - bound * sqrt(now)) / sqrt(now - known))).sum()
        score, mass = advance(moved, mass, now, now - known, bound, push * now)
        known = now
    return crossed


def advance(
    score: Floats, mass: Floats, information: float, new: float, bound: float, centre: float = 0.0
) -> tuple[Floats, Floats]:
    """Where the score that has crossed no bound may be after a look, and how likely: quadrature nodes.

    Args:
        score, mass: where it may have been before.
        centre: what the score is expected to be.
    """
    step, root = sqrt(new), sqrt(information)
    lowest = min(centre, 0.0) - REACH * root
    width = bound * root - lowest
    nodes, weights = legendre(1 + int(DENSE * width / step))
    reached = lowest + width / 2 * (nodes + 1)
    moves = (reached[:, None] - score) / step
    density = (np.exp(-0.5 * moves**2) * mass).sum(-1) / (step * sqrt(2 * pi))
    return reached, density * weights * width / 2


def crossing(score: Floats, mass: Floats, root: float, step: float, left: float) -> float:
    """The z that the score, moved by a normal step, reaches with probability `left`."""
    from scipy.optimize import brentq
    from scipy.special import ndtr

    def excess(z: float) -> float:
        return float((mass * ndtr((score - z * root) / step)).sum()) - left

    return FURTHEST if excess(FURTHEST) >= 0 else float(brentq(excess, -REACH, FURTHEST, xtol=1e-12))


@cache
def legendre(nodes: int) -> tuple[Floats, Floats]:
    """Nodes and weights of Gauss-Legendre quadrature on [-1, 1]; a multiple of 16 of them."""
    from scipy.special import roots_legendre

    found = roots_legendre(16 * max(2, -(-nodes // 16)))
    return found[0], found[1]

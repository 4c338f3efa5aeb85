"""How far arms lie apart in one part (rate or size): a few values of their SD, by its own posterior."""

from functools import cache

import numpy as np

from replyloop_assets.learning.belief.settings import BeliefSettings
from replyloop_assets.learning.comparison import Floats

COARSE = np.geomspace(0.02, 2.5, 12)  # where the likelihood is computed
FINE = np.geomspace(0.02, 2.5, 100)  # where it is interpolated


@cache
def spline() -> Floats:
    """From values at COARSE to those at FINE, by a cubic spline in the logarithm: (coarse, fine)."""
    from scipy.interpolate import CubicSpline

    return np.asarray(CubicSpline(np.log(COARSE), np.eye(len(COARSE)))(np.log(FINE)).T)


def spreads(
    precision: Floats, score: Floats, centre: float, centre_sd: float, nodes: int, settings: BeliefSettings
) -> tuple[Floats, Floats]:
    """Values of the arms' SD at quantiles of its posterior, and the log of likelihood over weight of each.

    Arms are x_i ~ N(m, sd^2) with m ~ N(centre, centre_sd^2), seen through Gaussians: a half-t prior of
    the SD (Gelman 2006), m integrated out.

    Args:
        precision: of what was seen of each arm, shape (..., arms); `score` is precision times value.
        centre: of the family's m, with `centre_sd`.
        nodes: how many values.

    Returns:
        Both of shape (..., nodes).
    """
    likelihood = []
    for variance in COARSE**2:
        kept = 1 / (1 + precision * variance)
        known = (precision * kept).sum(-1) + centre_sd**-2
        pull = (score * kept).sum(-1) + centre * centre_sd**-2
        seen = (variance * score**2 * kept + np.log(kept)).sum(-1)
        likelihood.append((seen + pull**2 / known - np.log(known)) / 2)
    # family by family: BLAS adds up one in another order than many
    fit = (np.stack(likelihood, -1)[..., None, :] @ spline())[..., 0, :]
    freedom = settings.spread_freedom
    prior = -(freedom + 1) / 2 * np.log1p((FINE / settings.spread) ** 2 / freedom) + np.log(FINE)
    density = np.exp(fit + prior - (fit + prior).max(-1, keepdims=True))
    chance = density.cumsum(-1) - density / 2
    chance /= density.sum(-1, keepdims=True)
    wanted, weight = quantiles(nodes)
    rows = zip(chance.reshape(-1, len(FINE)), fit.reshape(-1, len(FINE)), strict=True)
    found = np.array([pick(wanted, *row) for row in rows])
    found = found.reshape(*chance.shape[:-1], 2, nodes)
    return np.exp(found[..., 0, :]), found[..., 1, :] - np.log(weight)


@cache
def quantiles(nodes: int) -> tuple[Floats, Floats]:
    """Where Gauss and Hermite would look at a normal, as its quantiles, and their weights."""
    from scipy.special import ndtr

    place, weight = np.polynomial.hermite_e.hermegauss(nodes)
    return np.asarray(ndtr(place)), weight / weight.sum()


def pick(wanted: Floats, chance: Floats, fit: Floats) -> Floats:
    """The log SD at these quantiles, and the log likelihood there."""
    place = np.interp(wanted, chance, np.log(FINE))
    return np.stack([place, np.interp(place, np.log(FINE), fit)])

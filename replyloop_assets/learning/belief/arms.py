"""The posterior of (a, b) of each arm, at a few values of how far the arms lie apart.

(a, b) ~ N(m, T), or of an outlier N(m, a wider T); m ~ N(weak). At each node, a value of T, m is integrated
out in closed form; the nodes are weighed by their likelihood, and each arm's components by theirs.
"""

from typing import NamedTuple

import numpy as np

from replyloop_assets.learning.belief.rates import Seen, shares, wider
from replyloop_assets.learning.belief.settings import BeliefSettings
from replyloop_assets.learning.belief.sizes import Sizes
from replyloop_assets.learning.belief.spread import spreads
from replyloop_assets.learning.comparison import Floats

CORRELATIONS = np.array([-0.85, -0.1, 0.6, 0.95])  # of a and b over arms
CORRELATION_ODDS = np.array([0.14, 0.16, 0.26, 0.44])
NODES = ((100, 3), (3000, 2), (np.inf, 1))  # of each spread, up to so many arms
NEGLIGIBLE = 1e-6  # of the likeliest node's weight
ROUNDS = 2  # of expectation maximisation of m


class Arms(NamedTuple):
    """By node, component and arm: (..., nodes, components, arms)."""

    weight: Floats  # sums to 1 over nodes and components
    a: Floats
    b: Floats
    var_a: Floats  # given m
    var_b: Floats
    cov: Floats
    # how a and b move with m, and the variance of m at the node: (..., nodes, 1, 1) the latter
    a_by_a: Floats
    a_by_b: Floats
    b_by_a: Floats
    b_by_b: Floats
    var_centre_a: Floats
    var_centre_b: Floats
    cov_centre: Floats


def place_arms(rates: Seen, sizes: Sizes, settings: BeliefSettings) -> Arms:
    """The posterior of all arms of each family."""
    arms = sizes.score.shape[-1]
    count = next(nodes for most, nodes in NODES if arms <= most)
    rate_prior = (settings.rate_centre, settings.rate_centre_sd)
    size_prior = (settings.size_centre, settings.size_centre_sd)
    usual = rates.precision[..., 0, :], rates.score[..., 0, :]
    sd_a, fit_a = spreads(*usual, *rate_prior, count, settings)
    sd_b, fit_b = spreads(sizes.precision, sizes.score, *size_prior, count, settings)

    def crossed(of_a: Floats, of_b: Floats, of_both: Floats) -> list[Floats]:
        """On one axis of nodes, then one of components and one of arms."""
        parts = np.broadcast_arrays(of_a[..., :, None, None], of_b[..., None, :, None], of_both)
        return [part.reshape(*part.shape[:-3], -1) for part in parts]

    sd_a, sd_b, correlation = crossed(sd_a, sd_b, CORRELATIONS)
    fit_a, fit_b, odds = crossed(fit_a, fit_b, np.log(CORRELATION_ODDS))
    spread_a, spread_b = (wider(sd[..., None] ** 2, settings) for sd in (sd_a, sd_b))
    spread_ab = correlation[..., None, None] * np.sqrt(spread_a * spread_b)

    ja, ha, fit = (part[..., None, :, :] for part in rates)
    jb, hb = (part[..., None, None, :] for part in sizes[:2])
    seen_a, seen_b = 1 + ja * spread_a, 1 + jb * spread_b
    inverse = 1 / (seen_a * seen_b - ja * jb * spread_ab**2)
    # (I + T J)^-1, by which m comes through, and what the arms say of m: precision and score
    a_by_a, b_by_b = seen_b * inverse, seen_a * inverse
    a_by_b, b_by_a = -jb * spread_ab * inverse, -ja * spread_ab * inverse
    say_a, say_b = a_by_a * ha + b_by_a * hb, b_by_b * hb + a_by_b * ha
    know_a, know_b, know_ab = ja * a_by_a, jb * b_by_b, ja * a_by_b
    own_a, own_b = spread_a * say_a + spread_ab * say_b, spread_ab * say_a + spread_b * say_b
    alone = fit + shares(settings) + (ha * own_a + hb * own_b + np.log(inverse)) / 2

    mine = np.exp(shares(settings))
    for _ in range(ROUNDS):
        known_a = (mine * know_a).sum((-1, -2)) + rate_prior[1] ** -2
        known_b = (mine * know_b).sum((-1, -2)) + size_prior[1] ** -2
        known_ab = (mine * know_ab).sum((-1, -2))
        told_a = (mine * say_a).sum((-1, -2)) + rate_prior[0] * rate_prior[1] ** -2
        told_b = (mine * say_b).sum((-1, -2)) + size_prior[0] * size_prior[1] ** -2
        determinant = known_a * known_b - known_ab**2
        var_a, var_b, cov = known_b / determinant, known_a / determinant, -known_ab / determinant
        centre_a, centre_b = var_a * told_a + cov * told_b, cov * told_a + var_b * told_b
        m_a, m_b = centre_a[..., None, None], centre_b[..., None, None]
        likely = alone + m_a * say_a + m_b * say_b
        likely -= (know_a * m_a**2 + know_b * m_b**2) / 2 + know_ab * m_a * m_b
        most = likely.max(-2, keepdims=True)
        mine = np.exp(likely - most)
        total = mine.sum(-2, keepdims=True)
        mine = mine / total
    weight = (most + np.log(total)).sum((-1, -2)) - np.log(determinant) / 2 + odds - fit_a - fit_b
    weight -= ((centre_a - rate_prior[0]) / rate_prior[1]) ** 2 / 2
    weight -= ((centre_b - size_prior[0]) / size_prior[1]) ** 2 / 2
    weight = np.exp(weight - weight.max(-1, keepdims=True))
    weight = np.where(weight > NEGLIGIBLE, weight, 0)
    weight = weight / weight.sum(-1, keepdims=True)
    # a node that no family believes in costs as much as any
    kept = weight.reshape(-1, weight.shape[-1]).any(0)

    def of_kept(*parts: Floats) -> list[Floats]:
        return [part[..., kept, :, :] for part in parts]

    spread_a, spread_b, spread_ab, inverse = of_kept(spread_a, spread_b, spread_ab, inverse)
    a_by_a, a_by_b, b_by_a, b_by_b = of_kept(a_by_a, a_by_b, b_by_a, b_by_b)
    own_a, own_b, m_a, m_b = of_kept(own_a, own_b, m_a, m_b)
    return Arms(
        of_kept(weight[..., None, None] * mine)[0],
        a_by_a * m_a + a_by_b * m_b + own_a,
        b_by_a * m_a + b_by_b * m_b + own_b,
        a_by_a * spread_a + a_by_b * spread_ab,
        b_by_b * spread_b + b_by_a * spread_ab,
        spread_ab * inverse,
        a_by_a, a_by_b, b_by_a, b_by_b,
        *of_kept(*(part[..., None, None] for part in (var_a, var_b, cov))),
    )  # fmt: skip

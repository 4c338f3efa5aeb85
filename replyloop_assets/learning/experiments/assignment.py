"""Whether an experiment's units went where chance sent them: what no statistic of outcomes can tell."""

from typing import NamedTuple

import numpy as np

from replyloop_assets.learning.comparison import Floats, ratio

LEAST_EXPECTED = 10  # units of each variant, below which a chi-square is no approximation


class Served(NamedTuple):
    """Units by the probability that served them, cumulative at each look; arrays of one shape.

    `expected` is the sum of the probabilities of the treatment, `variance` that of p (1 - p).
    """

    n: Floats
    treated: Floats
    expected: Floats
    variance: Floats


class Assignment(NamedTuple):
    """What the ledger says of an experiment at each look, cumulative.

    `exposed` are all units that were given a variant, `judged` those whose outcome is known. `twice` were
    given both variants, or have an outcome under the one that they were not given; `unexposed` have an
    outcome and were given none.
    """

    exposed: Served
    judged: Served
    twice: Floats
    unexposed: Floats


def sample_ratio_p(served: Served) -> Floats:
    """How likely so uneven a split is, were the served probabilities followed; NaN while too few came.

    The chi-square test of sample ratio mismatch (Fabijan et al. 2019), for probabilities that may differ from
    unit to unit.
    """
    from scipy.special import chdtrc

    enough = np.minimum(served.expected, served.n - served.expected) >= LEAST_EXPECTED
    chi_square = ratio(
        (served.treated - served.expected) ** 2, served.variance, enough & (served.variance > 0)
    )
    return np.asarray(chdtrc(1, chi_square))


def find_fault(assignment: Assignment, level: float) -> tuple[int, str] | None:
    """The first look by which the assignment cannot be trusted, with the reason; None where it can."""
    faults = []
    for which, served in (("were given a variant", assignment.exposed), ("are judged", assignment.judged)):
        p_value = sample_ratio_p(served)
        if (p_value < level).any():
            at = int((p_value < level).argmax())
            seen = f"of {served.n[at]:.0f} units that {which}, {served.treated[at]:.0f} are in the treatment"
            expected = f"{served.expected[at]:.0f} were to be expected (p = {p_value[at]:.2g})"
            faults.append((at, f"Sample ratio mismatch: {seen} where {expected}."))
    for counts, words in (
        (assignment.twice, "exposed to both variants, or judged under the one they were not given"),
        (assignment.unexposed, "judged under a variant without having been exposed to any"),
    ):
        if (counts > 0).any():
            at = int((counts > 0).argmax())
            faults.append((at, f"Assignment broken: {_units(counts[at])} {words}."))
    return min(faults, key=lambda fault: fault[0]) if faults else None


def _units(count: float) -> str:
    return "1 unit was" if count == 1 else f"{count:.0f} units were"

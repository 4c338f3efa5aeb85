"""How long it takes to believe: a family of 200 arms, and the accounts of a large bot."""

from statistics import median
from time import perf_counter

import numpy as np

from replyloop_assets.learning.belief.estimate import believe
from replyloop_assets.simulation.benches.families import Family

TIMES = 15
REPLIES_EACH = 10


def main() -> None:
    """Time both, after the table of the law is made, which happens once a process."""
    for arms in (200, 15_000):
        family = Family(arms, REPLIES_EACH * arms, 0.4, "followers", 0.6, 1.3, tails=False, disagree=False)
        _, totals = family.draw(1, np.random.default_rng(1))
        took = []
        for _ in range(TIMES):
            began = perf_counter()
            believe(totals)
            took.append(1000 * (perf_counter() - began))
        print(f"{arms:,} arms: {median(took[1:]):.1f} ms at the median, {min(took):.1f} ms at best")


if __name__ == "__main__":
    main()

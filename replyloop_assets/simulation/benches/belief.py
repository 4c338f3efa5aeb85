"""How true what is shown of arms is: whether intervals hold the truth, and whether ranks are true."""

from dataclasses import dataclass

import numpy as np

from replyloop_assets.learning.belief.estimate import believe
from replyloop_assets.learning.belief.settings import Totals
from replyloop_assets.simulation.benches.families import Family
from replyloop_assets.simulation.benches.replicate import Floats, Samples, average

NORMAL_95 = 1.959963984540054


@dataclass(frozen=True)
class BeliefBench:
    """One window of each family, shown by a rule."""

    family: Family
    rule: str
    block: int = 100

    def sample(self, reps: int, rng: np.random.Generator) -> Samples:
        """Of each family: how many intervals hold the truth, how wide and how far off they are."""
        truth, totals = self.family.draw(reps, rng)
        mean, low, high = SHOW[self.rule](totals)
        holds = (low <= truth) & (truth <= high)
        # of equals the first is shown first; a mean of 0 is half of one in all its replies
        first = np.round(mean, 6).argmax(-1)
        log = np.log(np.maximum(mean, 0.5 / totals.n))
        return {
            "holds": holds.mean(-1),
            "holds_first": holds[np.arange(reps), first].astype(float),
            "squares": ((log - np.log(truth)) ** 2).mean(-1),
            "rank": correlation(log, np.log(truth)),
            "width": np.median((high - low) / truth, axis=-1),
            "tied": (np.ptp(np.round(mean, 6), axis=-1) == 0).astype(float),
        }

    def summarise(self, samples: Samples) -> dict[str, float]:
        """Averages over families; the width of an interval in units of the truth, by its median."""
        return {
            "coverage": average(samples["holds"]),
            "coverage_top": average(samples["holds_first"]),
            "log_rmse": float(np.sqrt(average(samples["squares"]))),
            "rank": average(samples["rank"]),
            "width": float(np.median(samples["width"])),
            "tied": average(samples["tied"]),
        }


def believed(totals: Totals) -> tuple[Floats, Floats, Floats]:
    """The default rule: the mean and interval of the belief."""
    found = believe(totals)
    return found.mean, found.low, found.high


def averaged(totals: Totals) -> tuple[Floats, Floats, Floats]:
    """The plan's rule: each arm's plain average, with the normal interval of its own scatter."""
    mean = totals.sum_y / totals.n
    squares = np.maximum(totals.sum_y2 - totals.n * mean**2, 0)
    error = np.sqrt(squares / np.maximum(totals.n - 1, 1) / totals.n)
    return mean, np.maximum(mean - NORMAL_95 * error, 0), mean + NORMAL_95 * error


SHOW = {"default": believed, "seed": averaged}


def correlation(shown: Floats, truth: Floats) -> Floats:
    """Spearman's rank correlation along the last axis; 0 where all are shown alike."""
    from scipy.stats import rankdata

    a, b = (rankdata(np.round(part, 9), axis=-1) - (part.shape[-1] + 1) / 2 for part in (shown, truth))
    together, alone = (a * b).sum(-1), np.sqrt((a**2).sum(-1) * (b**2).sum(-1))
    return np.asarray(np.divide(together, alone, out=np.zeros(len(a)), where=alone > 0))

"""Replications of a bench: blocks of them over all processors, and figures with standard errors.

A block's random stream depends on the seed and the block's number alone, so the same seed gives the
same figures to the last digit, however many processors share the work.
"""

from collections.abc import Callable
from concurrent.futures import as_completed
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.simulation.workers import workers

Floats = NDArray[np.float64]
Samples = dict[str, Floats]  # each with the replications as its first axis

RESAMPLES = 400


class Bench(Protocol):
    """One bench with its options: picklable, so that other processes can run it."""

    @property
    def block(self) -> int:
        """How many replications are run side by side, as one leading axis."""

    def sample(self, reps: int, rng: np.random.Generator) -> Samples:
        """Play `reps` replications."""

    def summarise(self, samples: Samples) -> dict[str, float]:
        """The figures of many replications; NaN where there is nothing to tell."""


def run_block(bench: Bench, reps: int, seed: np.random.SeedSequence) -> Samples:
    """One block, in whatever process."""
    return bench.sample(reps, np.random.default_rng(seed))


def replicate(
    bench: Bench,
    reps: int,
    seed: int,
    on_progress: Callable[[int, int], None] = lambda done, all_: None,
    processes: int | None = None,
) -> dict[str, float | None]:
    """Each figure of the bench, and its standard error as `<key>_se`; None where there is none.

    The error is that of a bootstrap over replications (Efron 1979), which suits means, medians and
    ratios alike.
    """
    blocks = -(-reps // bench.block)
    sizes = [min(bench.block, reps - bench.block * n) for n in range(blocks)]
    *seeds, last = np.random.SeedSequence(seed).spawn(blocks + 1)
    parts: list[Samples] = [{}] * blocks
    with workers(blocks, processes) as pool:
        futures = {pool.submit(run_block, bench, sizes[n], seeds[n]): n for n in range(blocks)}
        for done, future in enumerate(as_completed(futures), 1):
            parts[futures[future]] = future.result()
            on_progress(done, blocks)
    samples = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return figures(bench, samples, np.random.default_rng(last))


def figures(bench: Bench, samples: Samples, rng: np.random.Generator) -> dict[str, float | None]:
    """What the samples say, each figure with its standard error."""
    found = bench.summarise(samples)
    reps = len(next(iter(samples.values())))
    resampled: dict[str, list[float]] = {key: [] for key in found}
    for _ in range(RESAMPLES):
        drawn = rng.integers(reps, size=reps)
        for key, value in bench.summarise({name: part[drawn] for name, part in samples.items()}).items():
            resampled[key].append(value)
    answer: dict[str, float | None] = {}
    for key, value in found.items():
        known = np.array(resampled[key])
        known = known[np.isfinite(known)]
        answer[key] = float(value) if np.isfinite(value) else None
        answer[f"{key}_se"] = float(known.std()) if reps > 1 and len(known) > 1 else None
    return answer


def average(values: Floats) -> float:
    """The mean of what is known, NaN where nothing is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan

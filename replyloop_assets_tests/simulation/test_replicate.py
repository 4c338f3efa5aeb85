"""Figures of a bench: the same on any number of processors, with errors that are what they say."""

from dataclasses import dataclass

import numpy as np
import pytest

from replyloop_assets.simulation.benches.replicate import Samples, average, replicate


@dataclass(frozen=True)
class Normals:
    """Means of normal draws: an error known in closed form."""

    block: int = 30

    def sample(self, reps: int, rng: np.random.Generator) -> Samples:
        return {"y": rng.normal(3, 2, reps), "nothing": np.full(reps, np.nan)}

    def summarise(self, samples: Samples) -> dict[str, float]:
        return {"mean": average(samples["y"]), "nothing": average(samples["nothing"])}


def test_the_same_seed_is_the_same_to_the_last_digit_on_any_number_of_processors() -> None:
    seen: list[tuple[int, int]] = []
    one = replicate(Normals(), 100, 5, lambda done, all_: seen.append((done, all_)), processes=1)
    two = replicate(Normals(), 100, 5, processes=2)
    assert one == two != replicate(Normals(), 100, 6, processes=2)
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_the_error_is_that_of_the_mean_and_nothing_is_told_of_nothing() -> None:
    found = replicate(Normals(2_000), 2_000, 1, processes=1)
    assert found["mean"] == pytest.approx(3, abs=4 * 2 / 2_000**0.5)
    assert found["mean_se"] == pytest.approx(2 / 2_000**0.5, rel=0.2)
    assert found["nothing"] is None
    assert found["nothing_se"] is None
    assert replicate(Normals(), 1, 1, processes=1)["mean_se"] is None

"""The bench of experiments: what it draws, what it measures, and the marks, roughly."""

from dataclasses import replace

import numpy as np
import pytest

from replyloop_assets.learning.experiments.settings import ExperimentSettings
from replyloop_assets.simulation.benches.experiments import ExperimentBench
from replyloop_assets.simulation.benches.replicate import Samples


def play(bench: ExperimentBench, reps: int, seed: int = 5) -> Samples:
    parts = [bench.sample(bench.block, np.random.default_rng([seed, n])) for n in range(reps // bench.block)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def test_the_evidence_is_that_of_the_drawn_days() -> None:
    bench = ExperimentBench(days=4, settings=ExperimentSettings(statistic="capped"))
    evidence = bench.evidence(3, np.array([2, 0, 3, 1]), np.ones((3, 1)), np.random.default_rng(1))
    assert evidence.followers.n.tolist() == [[2, 2, 5, 6]] * 3
    assert (evidence.positive.n == evidence.followers.n - evidence.bins[..., 0]).all()
    assert evidence.bins.sum(-1).tolist() == evidence.followers.n.tolist()
    assert (evidence.log1p.total[:, 0] == evidence.log1p.total[:, 1]).all()
    assert (np.diff(evidence.followers.squares) >= 0).all()


def test_the_share_is_kept_where_a_day_holds_no_whole_treatment() -> None:
    bench = ExperimentBench(per_day=3, share=0.1)
    assert play(replace(bench, settings=ExperimentSettings(min_samples=1)), 50)["day"].max() <= 61


@pytest.mark.parametrize(
    ("rule", "per_day", "lift", "key", "low", "high"),
    [
        # statistics.md, "The seed's literal rules, measured", and the marks, with room for 200 replications
        ("seed", 20, 0.0, "reject", 0.22, 0.44),
        ("seed", 20, 0.0, "adopt", 0, 0.04),
        ("default", 20, 0.0, "adopt", 0, 0.10),
        ("default", 20, 0.0, "reject", 0, 0.14),
        ("default", 20, 0.5, "adopt", 0.53, 0.78),
        ("default", 20, 0.5, "lift_ratio", 0.7, 1.0),
    ],
)
def test_the_rules_fare_as_was_measured(
    rule: str, per_day: int, lift: float, key: str, low: float, high: float
) -> None:
    bench = ExperimentBench(per_day=per_day, lift=lift, rule=rule)  # type: ignore[arg-type]
    assert low <= bench.summarise(play(bench, 200))[key] <= high

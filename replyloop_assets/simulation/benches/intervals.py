"""Every interval that the product shows anywhere, in worlds of its own: how often it holds the truth."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from replyloop_assets.settings import Settings
from replyloop_assets.simulation.benches.belief import BeliefBench
from replyloop_assets.simulation.benches.evaluation import EvaluationBench
from replyloop_assets.simulation.benches.experiments import ExperimentBench
from replyloop_assets.simulation.benches.families import Family
from replyloop_assets.simulation.benches.replicate import Bench, replicate
from replyloop_assets.simulation.benches.trends import TrendBench
from replyloop_assets.simulation.world import load_world

NOMINAL = 0.95
Progress = Callable[[int, int], None]


class Shown(NamedTuple):
    """An interval: of what, where people see it, in which world, and the bench's figure of its coverage."""

    interval: str
    seen: str
    world: str
    bench: Bench
    key: str


class Held(NamedTuple):
    """How often an interval held the truth, with its standard error."""

    interval: str
    seen: str
    world: str
    nominal: float
    coverage: float | None
    coverage_se: float | None


def intervals(settings: Settings) -> list[Shown]:
    """Each interval in the worlds it is meant for."""
    lift, lifts = "the lift of an experiment", "experiment list, experiment_results"
    worth, judged = "the worth of a policy", "evaluate, policy_evaluation"
    spread = settings.experiments.lift_spread
    followers = Family(12, 480, 0.4, "followers", 0.6, 1.3, tails=False, disagree=False)
    families = {
        "12 values, 480 replies": followers,
        "the same, 98% bring none": replace(followers, zeros=0.98),
        "the same, visits": replace(followers, metric="visits"),
    }
    rates = [(100, 0.1), (100, 0.5), (20, 0.1)]
    experiments = {
        f"{per_day} a day, {share:.0%} treated, lifts e^N(0, {spread:g}²)": ExperimentBench(
            per_day, share, spread=spread, settings=settings.experiments
        )
        for per_day, share in rates
    }
    logs = {
        f"60 days, world {name}": EvaluationBench(
            load_world(name), 50, 60, "default", settings.allocation, settings.evaluation
        )
        for name in ("stationary", "swap", "walk")
    }
    weeks = {
        f"8 weeks, world {name}": TrendBench(world=load_world(name)) for name in ("stationary", "weekly")
    }
    tables = {world: BeliefBench(family, "default") for world, family in families.items()}
    seen = "status, reply_performance_analytics"
    return [
        *(Shown("what a reply brings", seen, world, bench, "coverage") for world, bench in tables.items()),
        *(Shown(lift, lifts, world, bench, "lift_coverage") for world, bench in experiments.items()),
        *(Shown(worth, judged, world, bench, "coverage") for world, bench in logs.items()),
        *(
            Shown("the trend a week", "status, health_status", world, bench, "coverage")
            for world, bench in weeks.items()
        ),
    ]


def hold(
    settings: Settings,
    reps: int,
    seed: int,
    on_progress: Progress = lambda done, all_: None,
    processes: int | None = None,
) -> list[Held]:
    """Replicate each."""
    shown, answer = intervals(settings), []
    for done, one in enumerate(shown, 1):
        found = replicate(one.bench, reps, seed, processes=processes)
        answer.append(Held(*one[:3], NOMINAL, found[one.key], found[f"{one.key}_se"]))
        on_progress(done, len(shown))
    return answer

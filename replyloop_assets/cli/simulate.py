"""`replyloop simulate`: what the loop's decisions are worth where the truth is known."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.progress import MofNCompleteColumn

from replyloop_assets.cli.db import Json
from replyloop_assets.cli.workplace import progress_bar, write_json
from replyloop_assets.errors import ReplyloopError

if TYPE_CHECKING:
    from replyloop_assets.simulation.benches.replicate import Bench

simulate = typer.Typer(
    no_args_is_help=True,
    help="Measure the loop's decisions on a synthetic audience whose truth is known; nothing of yours is "
    "read or written. Figures come with their standard errors; the same seed gives the same figures.",
)


RULE_HELP = "'seed': the rule of the plan, taken literally; 'default': the project's own."


def rule_option(component: str) -> Any:
    """The option that names one of a component's rules."""

    def known(rule: str) -> str:
        from replyloop_assets.settings import RULES

        if rule not in RULES[component]:
            raise typer.BadParameter(f"{rule!r} is none: take one of {', '.join(RULES[component])}.")
        return rule

    return typer.Option(metavar="RULE", callback=known, help=RULE_HELP)


ExperimentRule = Annotated[str, rule_option("experiments")]
AllocationRule = Annotated[str, rule_option("allocation")]
HealthRule = Annotated[str, rule_option("health")]
GeneratorRule = Annotated[str, rule_option("generators")]
Rule = Annotated[Literal["default", "seed"], typer.Option(help=RULE_HELP)]  # of all components at once
MetricName = Annotated[
    Literal["followers", "visits", "engagement", "impressions"], typer.Option(help="What is counted.")
]
Reps = Annotated[int, typer.Option(min=1, max=1_000_000, help="Replications.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same figures, to the last digit.")]
PerDay = Annotated[int, typer.Option(min=1, max=100_000, help="Replies a day.")]
Days = Annotated[int, typer.Option(min=1, max=10_000, help="Days a replication lasts.")]
WorldName = Annotated[str, typer.Option("--world", help="A shipped world, or a TOML file (docs/worlds.md).")]


@simulate.command()
def loop(
    world: WorldName = "drop",
    days: Days = 120,
    per_day: PerDay = 50,
    rule: Rule = "default",
    against: Annotated[
        Literal["seed", "no-pivots"],
        typer.Option(help="What the same lives are held against: the plan's rules, or no pivots."),
    ] = "seed",
    lives: Annotated[int, typer.Option(min=1, max=1000, help="Lives, each with a seed of its own.")] = 1,
    seed: Seed = 1,
    figure: Annotated[
        Path | None, typer.Option(help="Draw the first life: a PNG file.", dir_okay=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """A bot lives with the loop, on a database of its own: how much of the possible does it earn?

    The same posts with the same luck are also lived by the plan's literal rules, or without pivots. The first
    ten days, on which the bot replies by habit, do not count. docs/worlds.md says what the keys of --json
    mean, and what a world is made of.
    """
    from replyloop_assets.settings import load_settings
    from replyloop_assets.simulation.life import Play
    from replyloop_assets.simulation.lives import FIRST_DAY, compare
    from replyloop_assets.simulation.world import load_world

    known = load_world(world)
    if figure is not None and not figure.parent.is_dir():
        raise ReplyloopError(f"There is no folder {figure.parent} for the figure: make it, or name another.")
    plays = [Play(known, FIRST_DAY, days, per_day, seed + n) for n in range(lives)]
    with progress_bar("Living", MofNCompleteColumn()) as advance:
        found, ours, others = compare(plays, rule, against, load_settings(), advance)
    options = {"world": world, "days": days, "per_day": per_day, "rule": rule, "against": against}
    options |= {"lives": lives, "seed": seed}
    if as_json:
        write_json({"bench": "loop", **options, **found})
    else:
        print("loop: " + ", ".join(f"{key} {value}" for key, value in options.items()))
        print_figures(found)
    if figure is not None:
        from replyloop_assets.simulation.figure import draw_life

        changes = [change.day for change in known.change if change.day < days]
        title = f"{days} days in the world {Path(world).stem!r}, {per_day} replies a day, seed {seed}"
        draw_life(ours, (others, against), changes, title, figure)


@simulate.command()
def experiments(
    per_day: PerDay = 100,
    share: Annotated[float, typer.Option(min=0.001, max=0.999, help="Part of the treatment.")] = 0.1,
    lift: Annotated[float, typer.Option(min=-0.99, help="True lift: 0.3 is 30% better.")] = 0.0,
    days: Days = 60,
    rule: ExperimentRule = "default",
    world: WorldName = "stationary",
    reps: Reps = 2000,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """How experiments end: adopted, rejected, when, and how true the lift is that they report."""
    from replyloop_assets.settings import load_settings
    from replyloop_assets.simulation.benches.experiments import ExperimentBench
    from replyloop_assets.simulation.world import load_world

    settings = load_settings().experiments
    bench = ExperimentBench(
        per_day, share, lift, days=days, rule=rule, outcome=load_world(world).outcome, settings=settings
    )
    options = {"per_day": per_day, "share": share, "lift": lift, "days": days, "rule": rule, "world": world}
    run("experiments", bench, options, reps, seed, as_json)


@simulate.command()
def allocation(
    world: WorldName = "stationary",
    per_day: PerDay = 50,
    days: Days = 90,
    arms: Annotated[int | None, typer.Option(min=2, max=200, help="Arms; else the world's.")] = None,
    rule: AllocationRule = "default",
    reps: Reps = 400,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """How much of the oracle's reward a family's allocation earns, and how true its P(best) is.

    Worlds: stationary, swap, disagree, walk (the worlds A to D), any other shipped one, or a file.
    """
    from replyloop_assets.settings import load_settings
    from replyloop_assets.simulation.benches.allocation import AllocationBench
    from replyloop_assets.simulation.world import load_world

    played = load_world(world)
    arms = arms or played.arms.count
    bench = AllocationBench(played, per_day, days, arms, rule, load_settings().allocation)
    options = {"world": world, "per_day": per_day, "days": days, "arms": arms, "rule": rule}
    run("allocation", bench, options, reps, seed, as_json)


@simulate.command()
def health(
    per_day: PerDay = 100,
    drop: Annotated[float, typer.Option(min=0, max=0.99, help="What is lost on day 60: 0.5 is half.")] = 0.5,
    autocorrelation: Annotated[
        float, typer.Option(min=0, max=0.99, help="Of a day's own factor with the next day's; 0: none.")
    ] = 0.0,
    years: Annotated[float, typer.Option(min=0.1, max=100, help="How long each quiet life lasts.")] = 1.0,
    rule: HealthRule = "default",
    world: WorldName = "stationary",
    reps: Reps = 500,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """How often the detector cries wolf, how often it misses a drop, and how soon it sees one."""
    from replyloop_assets.settings import load_settings
    from replyloop_assets.simulation.benches.health import HealthBench
    from replyloop_assets.simulation.world import load_world

    bench = HealthBench(
        per_day, drop, autocorrelation, years, rule, load_world(world), load_settings().health
    )
    options = {"per_day": per_day, "drop": drop, "autocorrelation": autocorrelation, "years": years}
    run("health", bench, options | {"rule": rule, "world": world}, reps, seed, as_json)


@simulate.command()
def evaluation(
    per_day: PerDay = 50,
    days: Days = 60,
    rule: AllocationRule = "default",
    world: WorldName = "stationary",
    reps: Reps = 500,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """How often the interval for a policy never played holds the truth, and how often it is refused.

    The rule is that of the allocation which wrote the log.
    """
    from replyloop_assets.settings import load_settings
    from replyloop_assets.simulation.benches.evaluation import EvaluationBench
    from replyloop_assets.simulation.world import load_world

    settings = load_settings()
    bench = EvaluationBench(load_world(world), per_day, days, rule, settings.allocation, settings.evaluation)
    options = {"per_day": per_day, "days": days, "rule": rule, "world": world}
    run("evaluation", bench, options, reps, seed, as_json)


@simulate.command()
def generators(
    accounts: Annotated[int, typer.Option(min=1, max=1000, help="Accounts replied to.")] = 12,
    generators: Annotated[int, typer.Option(min=2, max=50, help="Generators to choose from.")] = 6,
    per_day: Annotated[int, typer.Option(min=1, max=1000, help="Replies a day to each account.")] = 8,
    days: Days = 90,
    rule: GeneratorRule = "default",
    world: WorldName = "stationary",
    reps: Reps = 100,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """How much of the oracle's reward the choice of a generator for each account earns."""
    from replyloop_assets.settings import load_settings
    from replyloop_assets.simulation.benches.generators import GeneratorsBench
    from replyloop_assets.simulation.world import load_world

    bench = GeneratorsBench(
        accounts, generators, per_day, days, rule, load_world(world).outcome, load_settings().generators
    )
    options = {"accounts": accounts, "generators": generators, "per_day": per_day, "days": days}
    run("generators", bench, options | {"rule": rule, "world": world}, reps, seed, as_json)


@simulate.command()
def belief(
    arms: Annotated[int, typer.Option(min=2, max=20_000, help="Arms of a family.")] = 12,
    replies: Annotated[int, typer.Option(min=1, max=1_000_000, help="Replies to all arms together.")] = 480,
    spread: Annotated[float, typer.Option(min=0, max=3, help="SD of the arms' log means.")] = 0.4,
    zeros: Annotated[float, typer.Option(min=0, max=0.999, help="Part of replies that bring nobody.")] = 0.6,
    sigma: Annotated[float, typer.Option(min=0.05, max=3, help="Log SD of followers, where any came.")] = 1.3,
    tails: Annotated[bool, typer.Option(help="That log SD differs between arms: 1, 1.3 or 1.6.")] = False,
    disagree: Annotated[bool, typer.Option(help="Arms that bring more bring any more seldom.")] = False,
    metric: MetricName = "followers",
    rule: Rule = "default",
    reps: Reps = 400,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """How often the interval shown of an arm holds its true mean, and how true the order of the arms is.

    Followers are mostly none and sometimes many, by `--zeros`, `--sigma`, `--tails` and `--disagree`; visits,
    engagement and impressions are counts about each arm's mean. `--rule seed` shows plain averages.
    """
    from replyloop_assets.simulation.benches.belief import BeliefBench
    from replyloop_assets.simulation.benches.families import Family

    family = Family(arms, replies, spread, metric, zeros, sigma, tails, disagree)
    run("belief", BeliefBench(family, rule), asdict(family) | {"rule": rule}, reps, seed, as_json)


def run(
    name: str, bench: "Bench", options: Mapping[str, object], reps: int, seed: int, as_json: bool
) -> None:
    """Replicate a bench with a bar, and print what came of it."""
    from replyloop_assets.simulation.benches.replicate import replicate

    with progress_bar("Playing", MofNCompleteColumn()) as advance:
        found = replicate(bench, reps, seed, advance)
    if as_json:
        write_json({"bench": name, **options, "reps": reps, "seed": seed, **found})
        return
    print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in options.items()))
    print_figures(found)
    print(f"{reps} replications, seed {seed}; ± is one standard error.")


def print_figures(found: Mapping[str, object]) -> None:
    """Each figure with its error, a line each."""
    for key, value in found.items():
        if f"{key}_se" in found:
            print(f"  {key:24} {describe(value, found[f'{key}_se'])}")


def describe(value: object, error: object) -> str:
    """A figure with its error, or that there is none."""
    if value is None:
        return "none to tell of"
    return f"{value:.4g}" + (f" ± {error:.2g}" if error is not None else "")

"""`replyloop experiment`: what is tested, what came of it, and what a test could find."""

from dataclasses import asdict
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from replyloop_assets import clock
from replyloop_assets.cli.db import Json
from replyloop_assets.cli.workplace import Workplace, workplace, write_json
from replyloop_assets.errors import ReplyloopError
from replyloop_assets.text import plain, typed

if TYPE_CHECKING:
    import sqlalchemy as sa

    from replyloop_assets.learning.experiments.power import Prospect

experiment = typer.Typer(
    no_args_is_help=True,
    help="Test one strategy against another on a share of the replies. Start with: replyloop experiment list",
)

MOST_A_DAY = 1_000_000

Which = Annotated[str, typer.Argument(metavar="ID", help="The id or its beginning, or the name.")]


@experiment.command("list")
def list_(as_json: Json = False) -> None:
    """Every experiment with its newest look, and what is suggested."""
    from replyloop_assets.reporting.experiments import print_group, read_experiments, render_experiments

    with workplace() as place, place.engine.connect() as connection:
        rows = read_experiments(connection)
    write_json({"experiments": rows}) if as_json else print_group(render_experiments(rows))


@experiment.command()
def show(which: Which, as_json: Json = False) -> None:
    """One experiment: what happened to it, and every look in words."""
    from replyloop_assets.reporting.experiments import print_group, read_experiment, render_experiment
    from replyloop_assets.warehouse.experiments import find_experiment

    with workplace() as place, place.engine.connect() as connection:
        found = read_experiment(connection, str(find_experiment(connection, which)["id"]))
    write_json(found) if as_json else print_group(render_experiment(found))


@experiment.command()
def create(
    control: Annotated[str | None, typer.Option(help="What is done now, as ResearchSynthesizer.")] = None,
    treatment: Annotated[str | None, typer.Option(help="What may be better.")] = None,
    dimension: Annotated[
        str | None,
        typer.Option(
            "--dimension", "--family", help="What the two are values of, as format; else generator."
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Else: TREATMENT instead of CONTROL.")] = None,
    hypothesis: Annotated[str | None, typer.Option(help="Why it may be better.")] = None,
    share: Annotated[float, typer.Option(min=0.01, max=0.99, help="The treatment's part.")] = 0.1,
    days: Annotated[int | None, typer.Option(min=1, help="At most; else the setting, 60.")] = None,
    lift: Annotated[float | None, typer.Option(min=0.01, help="What is looked for; else +50%.")] = None,
    per_day: Annotated[float | None, typer.Option(min=0.1, help="Replies a day; else as lately.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Test a name that is not known so far.")] = False,
    from_suggestion: Annotated[
        str | None, typer.Option(metavar="ID", help="Start what was suggested.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Start an experiment, and say before what it can find.

    For example: replyloop experiment create --control ResearchSynthesizer --treatment PersonalStory
    """
    from replyloop_assets.warehouse import experiments

    check_numbers(share, lift, per_day)
    now = clock.now()
    with workplace() as place, place.engine.begin() as connection:
        duration = chosen_days(place, days)
        if from_suggestion is not None:
            if any(option is not None for option in (control, treatment, dimension, name, hypothesis)):
                raise ReplyloopError(
                    "A suggestion names control, treatment, dimension, name and hypothesis already: leave "
                    "those out."
                )
            key: UUID = experiments.find_experiment(connection, from_suggestion)["id"]
        else:
            one, other = check_strategies(control, treatment)
            named = typed("--name", f"{other} instead of {one}" if name is None else name)
            why = f"{other} brings more followers than {one}." if hypothesis is None else hypothesis
            why = typed("--hypothesis", why)
            of = typed("--dimension", "generator" if dimension is None else dimension)
            check_dimension(of)
            key = experiments.create_experiment(connection, named, why, of, one, other, now)
        row = experiments.find_experiment(connection, str(key))
        check_dimension(row["dimension"])
        if not force and from_suggestion is None:  # a suggestion is made of what is known
            check_known(connection, row)
        prospect = foresee(place, connection, row, share, duration, lift, per_day)
        experiments.start_experiment(connection, key, share, duration, now, prospect.statement)
    warnings = [prospect.warning] if prospect.warning else []
    if as_json:
        named = row["experiment_name"]
        write_json({"id": str(key), "experiment_name": named, **describe(prospect), "warnings": warnings})
        return
    print(prospect.statement)
    for warning in warnings:
        print(f"Warning: {warning}")
    print(f"{plain(row['experiment_name'], None)} runs as {key}.")


@experiment.command()
def stop(which: Which, reason: Annotated[str, typer.Option(help="Why; it is recorded.")]) -> None:
    """End an experiment without a decision, or decline a suggestion."""
    from replyloop_assets.warehouse.experiments import find_experiment, stop_experiment

    if not reason.strip():
        raise ReplyloopError("Say why with --reason: it is recorded.")
    reason = typed("--reason", reason)
    with workplace() as place, place.engine.begin() as connection:
        row = find_experiment(connection, which)
        stop_experiment(connection, row["id"], clock.now(), reason)
    print(f"{plain(row['experiment_name'], None)} is stopped.")


def describe(prospect: "Prospect") -> dict[str, Any]:
    """The prospect for a program; a lift that is never found is null."""
    least = prospect.least_lift if isfinite(prospect.least_lift) else None
    return asdict(prospect) | {
        "least_lift": least, "statement": prospect.statement, "warning": prospect.warning
    }  # fmt: skip


def check_strategies(control: str | None, treatment: str | None) -> tuple[str, str]:
    """Both as they are recorded, or the sentence a person needs where there is nothing to compare."""
    if not control or not treatment:
        raise ReplyloopError("Name both --control and --treatment, or --from-suggestion ID.")
    control, treatment = typed("--control", control), typed("--treatment", treatment)
    if control == treatment:
        raise ReplyloopError(f"{plain(control)} cannot be tested against itself: name another --treatment.")
    return control, treatment


def check_dimension(dimension: str | None) -> None:
    """Refuse what is no dimension, and one that no experiment can treat anybody by."""
    from replyloop_assets.learning.dimensions import ALLOCATED, TESTABLE

    if dimension in TESTABLE:
        return
    known = ", ".join(TESTABLE)
    if dimension in ALLOCATED:
        raise ReplyloopError(
            f"{dimension} is no dimension to test, as the bot is not told it reply by reply: take one of "
            f"{known}."
        )
    raise ReplyloopError(f"{plain(dimension)} is no dimension to test: take one of {known}.")


def check_known(connection: "sa.Connection", row: Any) -> None:
    """Refuse a name that nobody has used so far: a misspelt one would be served to the bot at once."""
    from replyloop_assets.warehouse.experiments import known_values, unknown_values

    if unknown := unknown_values(connection, row):
        known = known_values(connection, row["dimension"])
        there = f"known are {', '.join(map(plain, known))}" if known else "none is known yet"
        raise ReplyloopError(
            f"{plain(unknown[0])} is no {plain(row['dimension'])} known so far ({there}): correct it, or say "
            "--force for a new one."
        )


def check_numbers(share: float, lift: float | None, per_day: float | None) -> None:
    """Typer's limits let through what is no number; and without limit, nothing can be foreseen."""
    from replyloop_assets.learning.experiments.design import MOST_LIFT

    limits = (("share", share, 1), ("lift", lift, MOST_LIFT), ("per-day", per_day, MOST_A_DAY))
    for option, value, most in limits:
        if value is not None and not value <= most:  # which NaN is not, either
            raise ReplyloopError(f"--{option} {value:g} is no number up to {most:,.0f}: give one that is.")


def chosen_days(place: Workplace, days: int | None) -> int:
    """The duration, which the setting limits: the looks read no longer a window."""
    longest = place.settings.experiments.horizon_days
    if days is not None and days > longest:
        raise ReplyloopError(
            f"{days} days are more than REPLYLOOP_EXPERIMENTS__HORIZON_DAYS={longest}: raise that first."
        )
    return days or longest


def foresee(
    place: Workplace,
    connection: "sa.Connection",
    row: Any,
    share: float,
    days: int,
    lift: float | None,
    per_day: float | None,
) -> "Prospect":
    """What the experiment can find, by what replies brought lately.

    Raises:
        ReplyloopError: no reply is known, and none were said to come.
    """
    import numpy as np
    import sqlalchemy as sa

    from replyloop_assets.learning.comparison import Moments
    from replyloop_assets.learning.experiments.design import TYPICAL, Design, Outcomes
    from replyloop_assets.learning.experiments.power import state_power
    from replyloop_assets.warehouse.queries import read_sql

    settings = place.settings.experiments
    parameters = {
        "dimension": row["dimension"],
        "control": row["control_strategy"],
        "days": settings.suggest_window_days,
        "least": settings.min_samples,
    }
    lately = (
        connection.execute(sa.text(read_sql("reports/experiment_baseline")), parameters).mappings().first()
    )
    # experiments on one dimension share its replies evenly
    daily = per_day or (lately["per_day"] / (1 + lately["running"]) if lately else 0)
    if not daily:
        raise ReplyloopError("No outcomes are known yet: say with --per-day how many replies are to come.")
    outcomes = TYPICAL
    if lately and lately["positives"]:
        positive = Moments(
            *(np.asarray(float(lately[name])) for name in ("positives", "sum_log", "sum_log2"))
        )
        outcomes = Outcomes.of(float(lately["n"]), positive)
    return state_power(outcomes, Design(daily, share, days), lift or settings.detect_lift, settings)

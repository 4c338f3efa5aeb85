"""`replyloop experiment`: what is tested, what came of it, and what a test could find."""

from dataclasses import asdict
from datetime import UTC, datetime
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

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

ALLOTTED = ("engagement_tier", "account_size", "timing_window", "search_query")  # by claim_next
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
    family: Annotated[
        str | None, typer.Option(help="What the two are: format or posting_hour; else generator.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Else: TREATMENT instead of CONTROL.")] = None,
    hypothesis: Annotated[str | None, typer.Option(help="Why it may be better.")] = None,
    share: Annotated[float, typer.Option(min=0.01, max=0.99, help="The treatment's part.")] = 0.1,
    days: Annotated[int | None, typer.Option(min=1, help="At most; else the setting, 60.")] = None,
    lift: Annotated[float | None, typer.Option(min=0.01, help="What is looked for; else +50%.")] = None,
    per_day: Annotated[float | None, typer.Option(min=0.1, help="Replies a day; else as lately.")] = None,
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
    now = datetime.now(UTC)
    with workplace() as place, place.engine.begin() as connection:
        duration = chosen_days(place, days)
        if from_suggestion is not None:
            if any(option is not None for option in (control, treatment, family, name, hypothesis)):
                raise ReplyloopError(
                    "A suggestion names control, treatment, family, name and hypothesis already: leave those "
                    "out."
                )
            key: UUID = experiments.find_experiment(connection, from_suggestion)["id"]
        else:
            one, other = check_strategies(control, treatment)
            named = typed("--name", f"{other} instead of {one}" if name is None else name)
            why = f"{other} brings more followers than {one}." if hypothesis is None else hypothesis
            why = typed("--hypothesis", why)
            of = typed("--family", "generator" if family is None else family)
            key = experiments.create_experiment(connection, named, why, of, one, other, now)
        row = experiments.find_experiment(connection, str(key))
        check_family(place, row["strategy_type"])
        prospect = foresee(place, connection, row, share, duration, lift, per_day)
        experiments.start_experiment(connection, key, share, duration, now, prospect.statement)
        warnings = [
            f"{plain(arm)} is no {plain(row['strategy_type'])} known so far: check that the bot has it."
            for arm in experiments.unknown_arms(connection, row)
        ]
    if prospect.warning:
        warnings.insert(0, prospect.warning)
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
        stop_experiment(connection, row["id"], datetime.now(UTC), reason)
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


def check_family(place: Workplace, family: str | None) -> None:
    """Refuse what is no family, and one whose arms the bot does not choose."""
    if family in ALLOTTED:
        raise ReplyloopError(
            f"{family} is no family to test, as the queue allots it: test generator, format or posting_hour."
        )
    families = [one for one in place.settings.allocation.families if one not in ALLOTTED]
    if family not in families:
        raise ReplyloopError(f"{plain(family)} is no family to test: take one of {', '.join(families)}.")


def check_numbers(share: float, lift: float | None, per_day: float | None) -> None:
    """Typer's limits let through what is no number; and without limit, nothing can be foreseen."""
    from replyloop_assets.learning.experiments.power import MOST_LIFT

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
    from replyloop_assets.learning.experiments.power import TYPICAL, Outcomes, Plan, state_power
    from replyloop_assets.warehouse.queries import read_sql

    settings = place.settings.experiments
    parameters = {
        "family": row["strategy_type"],
        "control": row["control_strategy"],
        "days": settings.suggest_window_days,
        "least": settings.min_samples,
    }
    lately = (
        connection.execute(sa.text(read_sql("reports/experiment_baseline")), parameters).mappings().first()
    )
    # experiments on one family share its replies evenly
    daily = per_day or (lately["per_day"] / (1 + lately["running"]) if lately else 0)
    if not daily:
        raise ReplyloopError("No outcomes are known yet: say with --per-day how many replies are to come.")
    outcomes = TYPICAL
    if lately and lately["positives"]:
        positive = Moments(
            *(np.asarray(float(lately[name])) for name in ("positives", "sum_log", "sum_log2"))
        )
        outcomes = Outcomes.of(float(lately["n"]), positive)
    return state_power(outcomes, Plan(daily, share, days), lift or settings.detect_lift, settings)

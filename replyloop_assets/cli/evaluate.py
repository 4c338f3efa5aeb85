"""`replyloop evaluate`: what a policy never played would have brought, before it is adopted."""

from typing import Annotated

import typer

from replyloop_assets import clock
from replyloop_assets.cli.db import Json
from replyloop_assets.cli.workplace import workplace, write_json


def evaluate(
    dimension: Annotated[
        str, typer.Option("--dimension", "--family", help="What the policy shares out: generator, format, …")
    ],
    policy: Annotated[
        str,
        typer.Option(
            metavar="FILE|ARM=P,…|uniform|allocation",
            help="Probabilities by arm, in a JSON file or here; uniform; or allocation, the live one.",
        ),
    ],
    days: Annotated[int, typer.Option(min=1, max=3650, help="Days of the ledger to go by.")] = 60,
    as_json: Json = False,
) -> None:
    """What a policy would have brought, told from what was served, and whether to adopt it.

    Every decision in the ledger has the exact probability it had, so the outcomes tell of policies that
    were never played. Where they hardly hold what the policy wants, it is refused. A dimension that the
    queue draws after others (of tier, size, timing and query) is judged with those as they were.

    For example: replyloop evaluate --dimension format --policy thread=0.8,single=0.2
    """
    from replyloop_assets.reporting.evaluation import evaluate_dimension, render_evaluation

    with workplace() as place:
        answer = evaluate_dimension(place.engine, place.settings, dimension, policy, days, clock.now())
    write_json(answer) if as_json else print(render_evaluation(answer))

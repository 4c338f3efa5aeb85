"""What the loop does about a drop: it opens one pivot, and closes it when what replies bring is back.

Beside the chain and not partitioned: a pivot is of now, and no past window opens one. Opening and closing
are facts, which the decisions of every later as-of read.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import dagster as dg
import sqlalchemy as sa

from replyloop_assets import clock
from replyloop_assets.assets.stage import OWNERS, Runtime
from replyloop_assets.learning.experiments.suggestions import suggest_pivots
from replyloop_assets.learning.health.pivoting import Move, PastPivot, Seen, next_move
from replyloop_assets.learning.health.rules import RULES
from replyloop_assets.learning.health.settings import HealthSettings
from replyloop_assets.learning.lazily import pd
from replyloop_assets.operator.alerts import Severity, raise_alert
from replyloop_assets.partitions import today
from replyloop_assets.reporting.columns import table_schema
from replyloop_assets.settings import Settings
from replyloop_assets.text import plain
from replyloop_assets.warehouse.experiments import (
    begun_by,
    create_experiment,
    dimensions_under_test,
    give_to_pivot,
    start_experiment,
    stop_experiment,
)
from replyloop_assets.warehouse.frames import derived_id, read_frame
from replyloop_assets.warehouse.pivots import (
    Recorded,
    close_pivot,
    open_pivot,
    read_all,
    wait_for_others,
)
from replyloop_assets.warehouse.queries import read_sql

Verdict = dict[str, Any]
OVER_DAYS = {"dagster/backfill", "dagster/partition", "dagster/asset_partition_range_start"}  # tags of runs
SEVERITY: dict[str, Severity] = {"opened": "warning", "closed": "info"}


def move_pivot(engine: sa.Engine, clock: Callable[[], datetime], settings: Settings) -> Move | str:
    """Do what is due, in one transaction; returns the move, or why there is none.

    The clock is read once nobody else can be at it: what is decided later knows of the move.
    """
    if not (settings.features.health and settings.features.pivots):
        return "Pivots are switched off."
    with engine.begin() as connection:
        wait_for_others(connection)
        now = clock()
        verdict, pivots = newest_verdict(connection), read_all(connection)
        move = due_move(verdict, pivots, now, settings)
        if isinstance(move, str):
            return move
        if move.what == "close":
            key = pivots[-1].key
            close_pivot(connection, key, now, move.reason)
            for trial in begun_by(connection, key):
                stop_experiment(connection, trial, now, "The pivot that began it has closed.")
            tell(connection, key, "closed", move.reason, now)
            return move
        assert verdict is not None
        key = derived_id("pivot", verdict["episode_started_at"].isoformat())
        if not open_pivot(connection, key, verdict["episode_started_at"], now, move.reason, verdict):
            return "This episode has had its pivot."
        begun = start_experiments(connection, key, verdict, now, settings)
        also = "".join(f" Begun: {name}." for name in begun)
        tell(connection, key, "opened", move.reason + also, now)
        return move


def newest_verdict(connection: sa.Connection) -> Verdict | None:
    """What the newest window says of health."""
    row = connection.execute(sa.text(read_sql("stages/pivots"))).mappings().first()
    return dict(row) if row else None


def due_move(
    verdict: Verdict | None, pivots: Sequence[Recorded], now: datetime, settings: Settings
) -> Move | str:
    """The move that is due now, or why there is none; `pivots` are all so far, the newest last."""
    so_far = [PastPivot(pivot.opened_at, pivot.closed_at) for pivot in pivots]
    found = None if verdict is None else seen(verdict, settings.health)
    return next_move(found, so_far, now, settings.pivots, settings.health.episode_days)


def seen(verdict: Verdict, rule: HealthSettings) -> Seen:
    """The verdict as the decision sees it."""
    return Seen(
        verdict["day"],
        verdict["pivot_warranted"],
        RULES[verdict["rule"]].has_recovered(verdict["status"], verdict["degradation"], rule),
        verdict["episode_started_at"],
        verdict["usual_since"],
        verdict["reason"],
    )


def start_experiments(
    connection: sa.Connection, pivot: UUID, verdict: Verdict, now: datetime, settings: Settings
) -> list[str]:
    """Test what might do better now, on a part of the replies; returns the experiments' names."""
    if not settings.features.experiments:
        return []
    busy = dimensions_under_test(connection)
    rule = settings.pivots
    names = []
    for row in promising(connection, verdict, now, settings, busy).to_dict("records"):
        control, treatment = plain(row["control"]), plain(row["treatment"])
        key = create_experiment(
            connection,
            f"{treatment} instead of {control}",
            f"Since the drop {treatment} may bring more followers than {control}: {row['replies']} replies "
            f"so far say {row['expected_pct']:+.0f}%.",
            row["dimension"],
            row["control"],
            row["treatment"],
            now,
            derived_id("pivot experiment", pivot, row["dimension"]),
        )
        why = f"Begun by the pivot of {now:%Y-%m-%d} on {rule.units_share:.0%} of the replies."
        start_experiment(connection, key, rule.treatment_share, settings.experiments.horizon_days, now, why)
        give_to_pivot(connection, key, pivot, rule.units_share)
        names.append(f"{treatment} instead of {control}")
    return names


def promising(
    connection: sa.Connection, verdict: Verdict, now: datetime, settings: Settings, busy: set[str]
) -> "pd.DataFrame":  # Dagster reads the annotations of this module, so they are not deferred
    """The experiments to begin, from what replies brought since the drop and from what fell."""
    rule = settings.experiments
    since = verdict["segment_started_on"] or verdict["episode_started_at"].date()
    dimensions = [one for one in rule.suggest_dimensions if one not in busy]
    parameters = {"first_day": since, "day": today(now), "dimensions": dimensions}
    arms = read_frame(connection, read_sql("stages/experiment_results_arms"), parameters)
    fell = {(group["dimension"], group["value"]) for group in verdict["diagnosis"] if group["fell"]}
    return suggest_pivots(arms, fell, settings.pivots, rule)


def tell(
    connection: sa.Connection, key: UUID, what: Literal["opened", "closed"], reason: str, at: datetime
) -> None:
    """The operator's event."""
    message = f"The loop {what} a pivot. {reason}"
    raise_alert(connection, f"pivot/{key}/{what}", "pivots", message, at, SEVERITY[what])


@dg.asset(
    name="pivots",
    group_name="decisions",
    description="The answer to a drop that is sure enough: three tenths of the effort explore, old evidence "
    "counts less, an experiment begins on what might do better now. One pivot an episode; it lasts 14 days "
    "at least, until recovery, and 60 at most. Its sensor materialises it when a move is due; a run over "
    "days, such as a backfill, opens none.",
    owners=OWNERS,
    kinds={"postgres", "python"},
    deps=["health_status", "daily_rollup", "experiment_decisions"],
    metadata={"dagster/column_schema": table_schema("pivots"), "dagster/table_name": "pivots"},
)
def asset(context: dg.AssetExecutionContext, runtime: dg.ResourceParam[Runtime]) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Do what is due now."""
    move: Move | str = "A backfill opens no pivot, and closes none."
    if not context.run.tags.keys() & OVER_DAYS:
        move = move_pivot(runtime.engine, clock.now, runtime.settings)
    done, why = ("none", move) if isinstance(move, str) else (move.what, move.reason)
    return dg.MaterializeResult(metadata={"move": done, "reason": why})

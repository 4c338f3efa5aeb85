"""What an operator does with experiments, each as a fact: created, started, stopped."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.text import plain, typed

Row = Mapping[str, Any]
MOST_NAMED = 10  # in a sentence
LEAST_OF_AN_ID = 4  # characters, so that nothing is stopped by a slip

# two at once could not see that they are rivals
LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtext('replyloop_experiments'))")
FIND = sa.text("""
    SELECT id, experiment_name, dimension, control_strategy, treatment_strategy, status, horizon_days
    FROM experiments
    WHERE
        experiment_name IN (:word, :stripped)
        OR (length(:stripped) >= :least AND left(id::TEXT, length(:stripped)) = lower(:stripped))
    ORDER BY id::TEXT = lower(:stripped) DESC, created_at DESC, id
""")
RIVAL = sa.text("""
    SELECT experiment_name FROM experiments
    WHERE status = 'running' AND dimension = :dimension AND id <> :id
        AND (control_strategy, treatment_strategy) IN ((:control, :treatment), (:treatment, :control))
""")
# what was served, replied with or allocated, the most used first
KNOWN = sa.text("""
    SELECT known.value
    FROM (
        SELECT value, sum(n) AS replies FROM daily_rollup
        WHERE dimension = :dimension AND metric = 'followers_gained' AND value <> 'unknown'
        GROUP BY value
        UNION ALL
        SELECT strategy_name, 0 FROM strategy_allocation WHERE strategy_type = :dimension
        UNION ALL
        SELECT generator_name, 0 FROM generator_preferences WHERE :dimension = 'generator'
    ) AS known (value, replies)
    GROUP BY known.value
    ORDER BY sum(known.replies) DESC, known.value
""")
CREATE = sa.text("""
    INSERT INTO experiments (
        id, experiment_name, hypothesis, dimension, control_strategy, treatment_strategy,
        status, started_at, created_at, horizon_days
    )
    VALUES (:id, :name, :hypothesis, :dimension, :control, :treatment, 'suggested', NULL, :at, :days)
""")
START = sa.text("""
    UPDATE experiments
    SET
        status = 'running', started_at = :at, horizon_days = :days,
        control_allocation_pct = 100 - CAST(:treated_pct AS NUMERIC), treatment_allocation_pct = :treated_pct
    WHERE id = :id AND status = 'suggested'
""")
STOP = sa.text("""
    UPDATE experiments
    SET status = 'inconclusive', completed_at = :at, notes = :reason,
        decision = coalesce(decision, 'continue_testing')
    WHERE id = :id AND status IN ('suggested', 'running')
""")
TO_PIVOT = sa.text("""
    UPDATE experiments SET units_share = :units_share, pivot_id = :pivot WHERE id = :id
""")
BEGUN = sa.text("SELECT id FROM experiments WHERE pivot_id = :pivot AND status = 'running' ORDER BY id")
BUSY = sa.text("SELECT DISTINCT dimension FROM experiments WHERE status = 'running'")
TELL = sa.text("""
    INSERT INTO experiment_events (experiment_id, event, at, reason, inputs)
    VALUES (:id, :event, :at, :reason, CAST(:inputs AS JSONB))
""")


def find_experiment(connection: sa.Connection, word: str) -> Row:
    """The experiment of this id, beginning of an id, or name.

    Raises:
        ReplyloopError: there is none, or more than one, or too little was given to tell.
    """
    stripped = typed("The id", word)
    values = {"word": word, "stripped": stripped, "least": LEAST_OF_AN_ID}
    found = connection.execute(FIND, values).mappings().all()
    if not found and len(stripped) < LEAST_OF_AN_ID:
        raise ReplyloopError(
            f"{plain(stripped)} is too little of an id: give {LEAST_OF_AN_ID} characters, or the whole name."
        )
    if not found:
        raise ReplyloopError(f"There is no experiment {plain(word)}: replyloop experiment list shows them.")
    if len(found) > 1 and str(found[0]["id"]) != stripped.lower():
        raise ReplyloopError(f"{plain(word)} may mean {len(found)} experiments: give more of the id.")
    return dict(found[0])


def known_values(connection: sa.Connection, dimension: str, most: int = MOST_NAMED) -> list[str]:
    """The values that were served, replied with or allocated so far, the most used first."""
    return list(connection.execute(KNOWN, {"dimension": dimension}).scalars())[:most]


def unknown_values(connection: sa.Connection, row: Row) -> list[str]:
    """Those of the two strategies that nothing live and no reply so far is of."""
    known = set(connection.execute(KNOWN, {"dimension": row["dimension"]}).scalars())
    return [value for value in (row["control_strategy"], row["treatment_strategy"]) if value not in known]


def create_experiment(
    connection: sa.Connection,
    name: str,
    hypothesis: str,
    dimension: str,
    control: str,
    treatment: str,
    at: datetime,
    key: UUID | None = None,
) -> UUID:
    """Write down an experiment that has not started, under an id of its own if none is given."""
    connection.execute(LOCK)
    key = key or uuid4()
    values = {"name": name, "hypothesis": hypothesis, "dimension": dimension}
    connection.execute(
        CREATE, values | {"id": key, "control": control, "treatment": treatment, "at": at, "days": 1}
    )
    record(connection, key, "created", at, hypothesis, {})
    return key


def start_experiment(
    connection: sa.Connection, key: UUID, share: float, days: int, at: datetime, reason: str
) -> None:
    """Let it take units from now on.

    Raises:
        ReplyloopError: it has started already, or another tests the same two.
    """
    connection.execute(LOCK)
    row = find_experiment(connection, str(key))
    named = plain(row["experiment_name"])
    pair = {
        "id": key,
        "dimension": row["dimension"],
        "control": row["control_strategy"],
        "treatment": row["treatment_strategy"],
    }
    if rival := connection.execute(RIVAL, pair).scalar():
        raise ReplyloopError(
            f"{plain(rival)} already tests {plain(pair['treatment'])} and {plain(pair['control'])} "
            "against each other: stop it first."
        )
    values = {"id": key, "at": at, "days": days, "treated_pct": round(100 * share, 2)}
    if connection.execute(START, values).rowcount == 0:
        raise ReplyloopError(f"{named} is {plain(row['status'])} already: only a suggestion can be started.")
    record(connection, key, "started", at, reason, {"share": share, "days": days})


def stop_experiment(connection: sa.Connection, key: UUID, at: datetime, reason: str) -> None:
    """End it without a decision.

    Raises:
        ReplyloopError: it has ended already.
    """
    if connection.execute(STOP, {"id": key, "at": at, "reason": reason}).rowcount == 0:
        status = find_experiment(connection, str(key))["status"]
        raise ReplyloopError(f"It is {plain(status)} already: there is nothing to stop.")
    record(connection, key, "stopped", at, reason, {})


def give_to_pivot(connection: sa.Connection, key: UUID, pivot: UUID, units_share: float) -> None:
    """Let it take that part of the units alone, and end with the pivot."""
    connection.execute(TO_PIVOT, {"id": key, "pivot": pivot, "units_share": units_share})


def begun_by(connection: sa.Connection, pivot: UUID) -> list[UUID]:
    """The experiments of a pivot that still run."""
    return list(connection.execute(BEGUN, {"pivot": pivot}).scalars())


def dimensions_under_test(connection: sa.Connection) -> set[str]:
    """The dimensions in which an experiment runs."""
    return set(connection.execute(BUSY).scalars())


def record(
    connection: sa.Connection, key: UUID, event: str, at: datetime, reason: str, inputs: dict[str, Any]
) -> None:
    """Append one fact."""
    values = {"id": key, "event": event, "at": at, "reason": reason, "inputs": json.dumps(inputs)}
    connection.execute(TELL, values)

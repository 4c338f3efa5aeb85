"""What an operator does with experiments, each as a fact: created, started, stopped."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from replyloop_assets.errors import ReplyloopError

Row = Mapping[str, Any]

FIND = sa.text("""
    SELECT id, experiment_name, strategy_type, control_strategy, treatment_strategy, status, horizon_days
    FROM experiments
    WHERE id::TEXT = lower(:word) OR left(id::TEXT, length(:word)) = lower(:word) OR experiment_name = :word
    ORDER BY id::TEXT = lower(:word) DESC, created_at DESC, id
""")
RIVAL = sa.text("""
    SELECT experiment_name FROM experiments
    WHERE status = 'running' AND strategy_type = :family
        AND control_strategy = :control AND treatment_strategy = :treatment
""")
CREATE = sa.text("""
    INSERT INTO experiments (
        id, experiment_name, hypothesis, strategy_type, control_strategy, treatment_strategy,
        status, started_at, created_at, horizon_days
    )
    VALUES (:id, :name, :hypothesis, :family, :control, :treatment, 'suggested', NULL, :at, :days)
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
TELL = sa.text("""
    INSERT INTO experiment_events (experiment_id, event, at, reason, inputs)
    VALUES (:id, :event, :at, :reason, CAST(:inputs AS JSONB))
""")


def find_experiment(connection: sa.Connection, word: str) -> Row:
    """The experiment of this id, beginning of an id, or name.

    Raises:
        ReplyloopError: there is none, or more than one.
    """
    found = connection.execute(FIND, {"word": word}).mappings().all()
    if not found:
        raise ReplyloopError(f"There is no experiment {word}: replyloop experiment list shows them.")
    if len(found) > 1 and str(found[0]["id"]) != word.lower():
        raise ReplyloopError(f"{word} may mean {len(found)} experiments: give more of the id.")
    return dict(found[0])


def create_experiment(
    connection: sa.Connection,
    name: str,
    hypothesis: str,
    family: str,
    control: str,
    treatment: str,
    at: datetime,
) -> UUID:
    """Write down an experiment that has not started."""
    key = uuid4()
    values = {"name": name, "hypothesis": hypothesis, "family": family}
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
        ReplyloopError: it has started already, or another tests just the same.
    """
    row = find_experiment(connection, str(key))
    pair = {
        "family": row["strategy_type"],
        "control": row["control_strategy"],
        "treatment": row["treatment_strategy"],
    }
    if rival := connection.execute(RIVAL, pair).scalar():
        raise ReplyloopError(
            f"{rival} already tests {pair['treatment']} against {pair['control']}: stop it first."
        )
    values = {"id": key, "at": at, "days": days, "treated_pct": round(100 * share, 2)}
    if connection.execute(START, values).rowcount == 0:
        raise ReplyloopError(
            f"{row['experiment_name']} is {row['status']}: only a suggestion can be started."
        )
    record(connection, key, "started", at, reason, {"share": share, "days": days})


def stop_experiment(connection: sa.Connection, key: UUID, at: datetime, reason: str) -> None:
    """End it without a decision.

    Raises:
        ReplyloopError: it has ended already.
    """
    if connection.execute(STOP, {"id": key, "at": at, "reason": reason}).rowcount == 0:
        status = find_experiment(connection, str(key))["status"]
        raise ReplyloopError(f"It is {status} already: there is nothing to stop.")
    record(connection, key, "stopped", at, reason, {})


def record(
    connection: sa.Connection, key: UUID, event: str, at: datetime, reason: str, inputs: dict[str, Any]
) -> None:
    """Append one fact."""
    values = {"id": key, "event": event, "at": at, "reason": reason, "inputs": json.dumps(inputs)}
    connection.execute(TELL, values)

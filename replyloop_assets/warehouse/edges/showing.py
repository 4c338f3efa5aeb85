"""Shows the bot what was found, in its own tables, as far as these let themselves be written."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

KEEP = sa.text("SELECT keep_refused(:origin, :state, :why, CAST(:raw AS JSONB))")


def show(
    connection: sa.Connection,
    origin: str,
    statement: str,
    parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]],
) -> None:
    """Run a statement that a bot's table may refuse: a view, a rule of its own. Then quarantine says so.

    What is shown is in the loop's own tables, too: a stage does not fail for it.

    Args:
        origin: the stage that shows it.
        parameters: those of one statement, or of several.

    Raises:
        DBAPIError: it was no refusal: a deadlock, a lost connection.
    """
    try:
        with connection.begin_nested():
            connection.execute(sa.text(statement), parameters)
    except DBAPIError as error:
        diagnosis = getattr(error.orig, "diag", None)
        state = getattr(error.orig, "sqlstate", None)
        if state is None or diagnosis is None:
            raise
        why = f"the bot's table did not take it: {diagnosis.message_primary}"
        raw = json.dumps({"shown": origin, "refused": why})
        connection.execute(KEEP, {"origin": origin, "state": state, "why": why, "raw": raw})

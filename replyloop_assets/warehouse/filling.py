"""Window replacement: a partition's rows change in one transaction, or not at all.

`stage_days` records, in that same transaction, what is filled, as of when, and whether it is closed.
`stage_failures` names the days that could not be computed, for the windows that hold them to wait.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.partitions import Window
from replyloop_assets.warehouse.edges.showing import show

ENTER = sa.text("""
    SELECT
        (SELECT as_of > given.as_of FROM stage_days WHERE stage = :stage AND day = given.day) AS is_newer,
        (
            SELECT count(*) FROM stage_days
            WHERE stage = :upstream AND day BETWEEN given.day - :upstream_days + 1 AND given.day
        ) AS days_held,
        (
            SELECT failed.stage || ' of ' || failed.day
            FROM stage_failures AS failed
            INNER JOIN unnest(:reads, :days_read) AS read (stage, days) ON failed.stage = read.stage
            WHERE failed.day BETWEEN given.day - read.days + 1 AND given.day
            ORDER BY failed.day
            LIMIT 1
        ) AS missing
    FROM unnest(:days, :as_ofs) WITH ORDINALITY AS given (day, as_of, place)
    ORDER BY given.place
""").bindparams(
    sa.bindparam("reads", type_=ARRAY(sa.Text)),
    sa.bindparam("days_read", type_=ARRAY(sa.Integer)),
    sa.bindparam("days", type_=ARRAY(sa.Date)),
    sa.bindparam("as_ofs", type_=ARRAY(sa.DateTime(timezone=True))),
    sa.bindparam("upstream_days", type_=sa.Integer),
)
LEAVE = sa.text("""
    WITH filled AS (
        SELECT * FROM unnest(:days, :as_ofs, :closed, :row_counts, :days_held)
        AS one (day, as_of, closed, row_count, days_held)
    ),

    mended AS (DELETE FROM stage_failures WHERE stage = :stage AND day = ANY(:days))

    INSERT INTO stage_days (stage, day, as_of, closed, row_count, days_held, computed_at)
    -- the transaction's beginning: what was recorded while it ran may not have been read
    SELECT :stage, day, as_of, closed, row_count, days_held, transaction_timestamp() FROM filled
    ON CONFLICT (stage, day) DO UPDATE SET
        as_of = excluded.as_of,
        closed = excluded.closed,
        row_count = excluded.row_count,
        days_held = excluded.days_held,
        computed_at = excluded.computed_at
""").bindparams(
    sa.bindparam("days", type_=ARRAY(sa.Date)),
    sa.bindparam("as_ofs", type_=ARRAY(sa.DateTime(timezone=True))),
    sa.bindparam("closed", type_=ARRAY(sa.Boolean)),
    sa.bindparam("row_counts", type_=ARRAY(sa.Integer)),
    sa.bindparam("days_held", type_=ARRAY(sa.Integer)),
)
FAIL = sa.text("""
    WITH opened AS (
        UPDATE stage_days SET closed = FALSE WHERE stage = :stage AND day = :day
    )
    INSERT INTO stage_failures (stage, day, reason) VALUES (:stage, :day, :reason)
    ON CONFLICT (stage, day) DO UPDATE SET reason = excluded.reason, failed_at = excluded.failed_at
""")
# told once, however often it is tried; those that wait for it only say so in stage_failures
TELL_FAILURE = """
    INSERT INTO events (event_type, event_data, severity)
    SELECT
        'stage_failure',
        jsonb_build_object('component', failed.stage, 'day', failed.day, 'message', failed.reason),
        'error'
    FROM (
        SELECT CAST(:stage AS TEXT) AS stage, CAST(:day AS DATE) AS day, CAST(:reason AS TEXT) AS reason
    ) AS failed
    WHERE failed.reason NOT LIKE 'waits for %' AND NOT EXISTS (
        SELECT FROM stage_failures AS known
        WHERE (known.stage, known.day, known.reason) = (failed.stage, failed.day, failed.reason)
    )
"""


@dataclass(frozen=True)
class Read:
    """What a stage reads of another: the days of its window, 1 for the same day only, 0 for live rows alone.

    A day of it that could not be computed stops the reader where it is `needed`. `traced`: what a late fact
    changes in it is found row by row (`facts/reopen_late_days`), so that its window adds nothing to how far
    late facts reach.
    """

    stage: str
    days: int = 1
    needed: bool = True
    traced: bool = False


@dataclass(frozen=True)
class Filled:
    """What a window came to: rows written, and how many of its window's days were there."""

    rows: int
    days_held: int


def fill_windows(
    engine: sa.Engine,
    stage: str,
    table: str,
    reads: Sequence[Read],
    windows: Sequence[Window],
    compute: Callable[[sa.Connection, Sequence[Window], Sequence[int]], Sequence[int]],
) -> list[Filled | None]:
    """Replace the rows of some days of `table` by what `compute` writes: of all of them, or of none.

    `compute` gets the open transaction, the windows to fill and the number of days that each of them holds,
    and returns how many rows it wrote for each. Two fillings of one stage wait for each other; a window that
    would put an older as-of over a newer is left out, and has None in the answer.

    Raises:
        ReplyloopError: a day that one of the windows needs could not be computed.
    """
    widest = max(reads, key=lambda read: read.days, default=Read(stage))
    needed = [read for read in reads if read.needed]
    asked = {
        "stage": stage,
        "upstream": widest.stage,
        "upstream_days": widest.days,
        "reads": [read.stage for read in needed],
        "days_read": [read.days for read in needed],
        "days": [window.day for window in windows],
        "as_ofs": [window.as_of for window in windows],
    }
    with engine.begin() as connection:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(:stage))"), {"stage": stage})
        states = connection.execute(ENTER, asked).all()
        if missing := next((state.missing for state in states if state.missing), None):
            raise ReplyloopError(f"waits for {missing}, which could not be computed")
        entered = [
            (window, state) for window, state in zip(windows, states, strict=True) if not state.is_newer
        ]
        if not entered:
            return [None] * len(windows)
        due = [window for window, _ in entered]
        held = [state.days_held if reads else 1 for _, state in entered]
        days = [window.day for window in due]
        connection.execute(sa.text(f'DELETE FROM "{table}" WHERE day = ANY(:days)'), {"days": days})
        rows = compute(connection, due, held)
        left = {
            "stage": stage,
            "days": days,
            "as_ofs": [window.as_of for window in due],
            "closed": [window.closed for window in due],
            "row_counts": rows,
            "days_held": held,
        }
        connection.execute(LEAVE, left)
    filled = dict(zip(days, map(Filled, rows, held), strict=True))
    return [filled.get(window.day) for window in windows]


def record_failure(engine: sa.Engine, stage: str, day: date, reason: str) -> None:
    """Name a day that could not be computed, for the windows that hold it and for the operator."""
    failure = {"stage": stage, "day": day, "reason": reason}
    with engine.begin() as connection:
        show(connection, stage, TELL_FAILURE, failure)
        connection.execute(FAIL, failure)

"""Window replacement: a partition's rows change in one transaction, or not at all.

`stage_days` records, in that same transaction, what is filled, as of when, and whether it is closed.
`stage_failures` names the days that could not be computed, for the windows that hold them to wait.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.partitions import Window
from replyloop_assets.warehouse.edges.showing import show
from replyloop_assets.warehouse.queries import read_sql

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

# rows of found posts, of own posts, of snapshots: less than a second's work
MOST_LOOKED_AT = 50_000


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
        for missing in [state.missing for state in states if state.missing]:
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


def reopen_late_days(
    engine: sa.Engine,
    since: datetime,
    window_days: Mapping[str, int],
    horizon: timedelta,
    grace: timedelta,
    most: int = MOST_LOOKED_AT,
) -> tuple[date | None, date | None, datetime]:
    """Open the closed days that facts recorded after `since` came too late for.

    `window_days` says how far back each stage looks. One call looks at the oldest `most` records of each kind
    of fact, or fewer. Returns the first and the last day opened, None where none was, and the newest record
    seen: the `since` of the next call, which goes on from there.
    """
    parameters = {
        "since": since,
        "most": most,
        "stages": list(window_days),
        "window_days": list(window_days.values()),
        "horizon": horizon,
        "grace": grace,
    }
    with engine.begin() as connection:
        # the server plans the second by how much there is between the two instants
        look = connection.execute(sa.text(read_sql("facts/next_look")), parameters).one_or_none()
        if look is None or look.until is None or look.until <= look.since:
            return None, None, since
        connection.execute(sa.text("SET LOCAL random_page_cost = 1.1"))  # what is of one time lies together
        instants = {"since": look.since, "until": look.until}
        row = connection.execute(sa.text(read_sql("facts/reopen_late_days")), parameters | instants).one()
    return row.first_day, row.last_day, look.until


def first_fact_day(engine: sa.Engine) -> date | None:
    """The UTC day of the oldest post found or made; None before any."""
    query = """
        SELECT least(
            (SELECT min(discovered_at) FROM found_posts),
            (SELECT min(posted_at) FROM own_posts WHERE is_posted)
        ) AT TIME ZONE 'UTC'
    """
    with engine.connect() as connection:
        first = connection.execute(sa.text(query)).scalar_one()
    return None if first is None else first.date()


def first_open_day(engine: sa.Engine, stages: Mapping[str, Sequence[Read]], since: date, until: date) -> date:
    """The first day from `since` on that some of the stages has not settled; at most `until`.

    A day is settled when it was computed after it had ended, and after everything it read: a stage
    filled before its upstream was, or between two fillings of it, is to be filled again.
    """
    reads = [(stage, read.stage, read.days) for stage, of in stages.items() for read in of]
    query = """
        SELECT filled.day
        FROM stage_days AS filled
        WHERE
            filled.closed
            AND filled.stage = ANY(:stages)
            AND filled.day BETWEEN :since AND :until
            AND NOT EXISTS (
                SELECT FROM unnest(
                    CAST(:readers AS TEXT []), CAST(:upstreams AS TEXT []), CAST(:days AS INTEGER [])
                ) AS read (reader, upstream, days)
                INNER JOIN stage_days AS before
                    ON before.stage = read.upstream
                    AND before.day BETWEEN filled.day - read.days + 1 AND filled.day
                WHERE
                    read.reader = filled.stage
                    AND (NOT before.closed OR before.computed_at > filled.computed_at)
            )
        GROUP BY filled.day
        HAVING count(*) = :count
    """
    parameters = {
        "stages": list(stages),
        "count": len(stages),
        "since": since,
        "until": until,
        "readers": [reader for reader, _, _ in reads],
        "upstreams": [upstream for _, upstream, _ in reads],
        "days": [days for _, _, days in reads],
    }
    with engine.connect() as connection:
        settled = set(connection.execute(sa.text(query), parameters).scalars())
    day = since
    while day < until and day in settled:
        day += timedelta(days=1)
    return day

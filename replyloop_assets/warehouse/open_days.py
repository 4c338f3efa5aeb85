"""Which days are to be filled: from the first fact on, those not settled, and those that late facts open."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from replyloop_assets.warehouse.filling import Read
from replyloop_assets.warehouse.queries import read_sql

# rows of found posts, of own posts, of snapshots: less than a second's work
MOST_LOOKED_AT = 50_000


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

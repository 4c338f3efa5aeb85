"""What each reply brought, once its metrics are ripe, with everything the loop learns by."""

import sqlalchemy as sa

from replyloop_assets.assets.stage import Stage, one_by_one, stage_asset
from replyloop_assets.partitions import Window, day_start
from replyloop_assets.settings import Settings
from replyloop_assets.warehouse.filling import Read
from replyloop_assets.warehouse.queries import read_sql

OPPORTUNITY_DAYS = 7  # up to an outcome's day: for its slots to count, a post was found in one of them
FORGET_OUTCOMES = """
    DELETE FROM outcomes
    WHERE known_at >= :day_start AND known_at < :day_start + INTERVAL '1 day'
"""
FORGET_DECISIONS = "DELETE FROM logged_decisions WHERE day = :day"


def mature_outcomes(connection: sa.Connection, window: Window, settings: Settings, days_held: int) -> int:
    """Write the outcomes that became known on one day: of all content, and of replies with context.

    How each reply was decided goes with them.
    """
    parameters = {
        "day": window.day,
        "day_start": day_start(window.day),
        "first_day": window.first_day(OPPORTUNITY_DAYS),
        "as_of": window.as_of,
        "horizon": settings.horizon,
        "grace": settings.grace,
    }
    if not window.closed:
        connection.execute(sa.text("SELECT see_bot_snapshots(:as_of)"), parameters)
    connection.execute(sa.text(FORGET_OUTCOMES), parameters)
    connection.execute(sa.text(read_sql("stages/outcomes")), parameters)
    rows = connection.execute(sa.text(read_sql("stages/reply_outcomes")), parameters).rowcount
    keep_decisions(connection, window)
    return rows


def keep_decisions(connection: sa.Connection, window: Window) -> None:
    """Write down what the ledger says of the day's replies, for policies to be judged by."""
    parameters = {"day": window.day, "as_of": window.as_of}
    connection.execute(sa.text(FORGET_DECISIONS), parameters)
    connection.execute(sa.text(read_sql("stages/reply_outcomes_decisions")), parameters)


STAGE = Stage(
    name="reply_outcomes",
    group="facts",
    compute=one_by_one(mature_outcomes),
    # a post found too late is traced to the replies to it
    reads=[Read("classified_opportunities", OPPORTUNITY_DAYS, traced=True)],
    external=["content_metadata", "tweet_metrics", "decision_ledger"],
)
asset = stage_asset(
    STAGE,
    "Replies whose outcome became known that day: the first snapshot at or after the horizon (24 "
    "hours), else the last one before the end of the grace period, joined to account, generator, format, "
    "hour, experiment, and to what its post was like when it was classified. A window never mixes ripe and "
    "unripe replies.",
)

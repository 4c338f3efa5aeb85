"""What each reply brought, once its metrics are ripe, with everything the loop learns by."""

import sqlalchemy as sa

from replyloop_assets.assets.stage import Stage, stage_asset
from replyloop_assets.partitions import Window, day_start
from replyloop_assets.settings import Settings
from replyloop_assets.warehouse.queries import read_sql

OPPORTUNITY_DAYS = (
    7  # up to the day of its outcome, in which a post must have been found for its slots to count
)
FORGET_OUTCOMES = """
    DELETE FROM outcomes
    WHERE known_at >= :day_start AND known_at < :day_start + INTERVAL '1 day'
"""


def mature_outcomes(connection: sa.Connection, window: Window, settings: Settings, days_held: int) -> int:
    """Write the outcomes that became known on one day: of all content, and of replies with context."""
    parameters = {
        "day": window.day,
        "day_start": day_start(window.day),
        "first_day": window.first_day(OPPORTUNITY_DAYS),
        "as_of": window.as_of,
        "horizon": settings.horizon,
        "grace": settings.grace,
    }
    connection.execute(sa.text(FORGET_OUTCOMES), parameters)
    connection.execute(sa.text(read_sql("stages/outcomes")), parameters)
    return connection.execute(sa.text(read_sql("stages/reply_outcomes")), parameters).rowcount


STAGE = Stage(
    name="reply_outcomes",
    group="facts",
    compute=mature_outcomes,
    external=["content_metadata", "tweet_metrics", "reply_opportunities", "discovered_accounts"],
)
asset = stage_asset(
    STAGE,
    "Replies whose outcome became known that day: the first snapshot at or after the horizon (24 "
    "hours), else the last one before the end of the grace period, joined to target, account, "
    "generator, format, hour, query and experiment. A window never mixes ripe and unripe replies.",
)

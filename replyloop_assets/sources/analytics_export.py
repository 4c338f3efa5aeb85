"""X analytics exports, both generations: one row per own post, with what it brought so far.

The export says neither to what a post replies nor when exactly it was made: the time comes from the
id, and a text that begins with @name is taken for a reply to name, and marked as such.
"""

from collections.abc import Mapping
from datetime import datetime

from replyloop_assets.sources.cells import LEADING_NAME, read_count, read_day, read_tweet_id
from replyloop_assets.sources.csv_rows import CsvRow, read_csv_rows
from replyloop_assets.sources.file_reading import FileStream
from replyloop_assets.sources.headers import METRICS
from replyloop_assets.sources.items import Items, Loadable, Quarantined, Refused, storable
from replyloop_assets.sources.recognise import Recognised
from replyloop_assets.sources.snowflake import FIRST_DAY, derived_decision_id, posted_at

COLUMNS = (
    "decision_id",
    "decision_type",
    "content",
    "target_username",
    "tweet_id",
    "posted_at",
    *METRICS,
)
MAX_DAYS_APART = 1  # the export's day is in the account's time zone


def read_export(stream: FileStream, recognised: Recognised, latest: datetime) -> Items:
    """The posts of an export as rows of `COLUMNS`; none may be younger than `latest`."""
    for row in read_csv_rows(stream, recognised):
        if isinstance(row, Quarantined):
            yield row
            continue
        try:
            yield Loadable(_read_post(row, latest))
        except Refused as refused:
            yield row.quarantined(str(refused))


def _read_post(row: CsvRow, latest: datetime) -> tuple[object, ...]:
    tweet_id = read_tweet_id(row["tweet_id"], row["link"])
    posted = posted_at(tweet_id)
    if posted < FIRST_DAY:
        raise Refused("post id holds no time")
    if posted > latest:
        raise Refused("posted after the export was made")
    day = read_day(row["date"] or row["time"])
    if day is not None and abs((posted.date() - day).days) > MAX_DAYS_APART:
        raise Refused("date disagrees with the id")
    counts: Mapping[str, int | None] = {name: read_count(row[name]) for name in METRICS}
    text = storable(row["content"])
    name = LEADING_NAME.match(text)
    return (
        derived_decision_id(tweet_id),
        "reply" if name else "single",
        text,
        name[1] if name else None,
        tweet_id,
        posted,
        *counts.values(),
    )

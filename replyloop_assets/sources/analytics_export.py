"""X analytics exports, both generations: one row per own post, with what it brought so far.

The export says neither to what a post replies nor when exactly it was made: the time comes from the
id, and a text that begins with @name is taken for a reply to name, and marked as such.
"""

from datetime import datetime

from replyloop_assets.sources.cells import COUNTS, DAYS, LEADING_NAME, read_tweet_id
from replyloop_assets.sources.csv_rows import read_csv_rows
from replyloop_assets.sources.file_reading import FileStream
from replyloop_assets.sources.headers import METRICS
from replyloop_assets.sources.items import Items, Loadable, Quarantined, Refused, storable
from replyloop_assets.sources.recognise import Recognised
from replyloop_assets.sources.snowflake import FIRST_DAY, UNIX, as_ms, derived_decision_id, posted_ms

COLUMNS = (
    "decision_id",
    "decision_type",
    "content",
    "target_username",
    "tweet_id",
    "posted_ms",
    *METRICS,
)
READ = ("tweet_id", "link", "date", "time", "content", *METRICS)
FIRST_MS = as_ms(FIRST_DAY)
DAY_MS = 86_400_000
FIRST_ORDINAL = UNIX.toordinal()
MAX_DAYS_APART = 1  # the export's day is in the account's time zone


def read_export(stream: FileStream, recognised: Recognised, latest: datetime) -> Items:
    """The posts of an export as rows of `COLUMNS`; none may be younger than `latest`."""
    latest_ms = as_ms(latest)
    for row in read_csv_rows(stream, recognised, READ):
        if isinstance(row, Quarantined):
            yield row
            continue
        try:
            yield Loadable(_read_post(row.cells, latest_ms))
        except Refused as refused:
            yield row.quarantined(str(refused))


def _read_post(cells: tuple[str, ...], latest_ms: int) -> tuple[object, ...]:
    id_cell, link, date, time, content, *metrics = cells
    tweet_id = read_tweet_id(id_cell, link)
    posted = posted_ms(tweet_id)
    if posted < FIRST_MS:
        raise Refused("post id holds no time")
    if posted > latest_ms:
        raise Refused("posted after the export was made")
    day = DAYS[date or time]
    if day is not None and abs(posted // DAY_MS + FIRST_ORDINAL - day.toordinal()) > MAX_DAYS_APART:
        raise Refused("date disagrees with the id")
    counts = map(COUNTS.__getitem__, metrics)
    text = storable(content)
    name = LEADING_NAME.match(text)
    return (
        derived_decision_id(tweet_id),
        "reply" if name else "single",
        text,
        name[1] if name else None,
        tweet_id,
        posted,
        *counts,
    )

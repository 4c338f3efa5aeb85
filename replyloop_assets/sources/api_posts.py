"""Responses of the X API v2 that hold posts: pages, streams and their flattened forms.

Only posts in `data` are opportunities; those in `includes` came along, and reposts belong to
somebody else.
"""

import re
from datetime import datetime, timedelta
from typing import Any

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.sources.api_shapes import (
    Found,
    Object,
    as_object,
    as_objects,
    holds_posts,
    posts_of,
    read_instant,
)
from replyloop_assets.sources.cells import DIGITS, MAX_COUNT, read_count
from replyloop_assets.sources.file_reading import FileStream
from replyloop_assets.sources.items import (
    Items,
    Loadable,
    Quarantined,
    Refused,
    Skipped,
    raw_json,
    storable,
)
from replyloop_assets.sources.json_values import read_json_values
from replyloop_assets.sources.recognise import Recognised
from replyloop_assets.sources.snowflake import FIRST_DAY, MAX_ID, posted_at
from replyloop_assets.sources.summary import Tally

COLUMNS = (
    "tweet_id",
    "tweet_text",
    "target_username",
    "author_follower_count",
    "like_count",
    "reply_count",
    "repost_count",
    "impression_count",
    "lang",
    "search_query",
    "tweet_posted_at",
    "discovered_at",
)
CLOCK_SKEW = timedelta(minutes=5)  # between X's clock and the finder's
API_USERNAME = re.compile(r"[A-Za-z0-9_]{1,50}")  # a few old names have more than 15
REPOST_TYPES = ("retweeted", "reposted")


def read_api_posts(
    stream: FileStream,
    recognised: Recognised,
    tally: Tally,
    discovered_at: datetime | None,
    now: datetime,
) -> Items:
    """The original posts of API v2 responses as rows of `COLUMNS`, reposts skipped.

    A row's `discovered_at` is the one given, else when its response was retrieved, else None: then
    the newest post in the file, which `tally` takes note of, tells the time.

    Raises:
        ReplyloopError: nothing in the file has the shape of a post or a response.
    """
    known_shape = False
    broken = 0
    for item in read_json_values(stream, recognised.document):
        if isinstance(item, Quarantined):
            broken += 1
            yield item
            continue
        known_shape = known_shape or holds_posts(item.value)
        for found in posts_of(item.value, tally):
            try:
                found_at = discovered_at or found.retrieved_at
                values = _read_post(found, found_at, tally, now)
            except Refused as refused:
                yield Quarantined(item.line, str(refused), raw_json(found.post))
            else:
                yield Skipped("repost") if values is None else Loadable(values)
    if not known_shape:
        what = "is JSON that is cut off or broken" if broken else "is JSON of another kind"
        raise ReplyloopError(f"{stream.path.name} {what}: give responses of the X API v2 that hold posts.")


def _read_post(
    found: Found, found_at: datetime | None, tally: Tally, now: datetime
) -> tuple[object, ...] | None:
    """A post's row; None for a repost."""
    post = as_object(found.post)
    tweet_id, text = post.get("id"), post.get("text")
    if not isinstance(tweet_id, str) or not DIGITS.fullmatch(tweet_id):
        raise Refused("no post id")
    if not isinstance(text, str):
        raise Refused("no post text")
    posted = read_instant(post.get("created_at"))
    if posted is None:
        if int(tweet_id) > MAX_ID or posted_at(tweet_id) < FIRST_DAY:
            raise Refused("no posting time")
        posted = posted_at(tweet_id)
    if found_at is not None and found_at > now + CLOCK_SKEW:
        raise Refused("found in the future")
    if posted > (found_at or now) + CLOCK_SKEW:
        raise Refused("posted after it was found")
    tally.see(posted)
    if _is_repost(post, text):
        return None
    author_id = post.get("author_id")
    author = as_object(post.get("author"))
    if not author and isinstance(author_id, str):
        author = found.users.get(author_id, {})
    username = author.get("username")
    if not isinstance(username, str) or not API_USERNAME.fullmatch(username):
        raise Refused("author unknown")
    counts = as_object(post.get("public_metrics"))
    reposts = counts.get("repost_count", counts.get("retweet_count"))
    lang = post.get("lang")
    return (
        tweet_id,
        storable(text),
        username,
        _count(as_object(author.get("public_metrics")).get("followers_count")),
        _count(counts.get("like_count")),
        _count(counts.get("reply_count")),
        _count(reposts),
        _count(counts.get("impression_count")),
        storable(lang) if isinstance(lang, str) else None,
        found.query,
        posted,
        found_at,
    )


def _is_repost(post: Object, text: str) -> bool:
    references = as_objects(post.get("referenced_tweets"))
    return text.startswith("RT @") or any(r.get("type") in REPOST_TYPES for r in references)


def _count(value: Any) -> int | None:
    """A count of the API, a number or, in some tools' files, a string; None where it is missing."""
    if value is None:
        return None
    if isinstance(value, str):
        return read_count(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value // 1:
        raise Refused("count is no number")
    if value < 0:
        raise Refused("negative count")
    if value > MAX_COUNT:
        raise Refused("count out of range")
    return int(value)

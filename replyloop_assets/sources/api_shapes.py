"""Where the posts are in a response of the X API v2: pages, streams, and what tools make of them.

A page has posts in `data` and their authors in `includes`; a stream has one post there. A flattened
post carries its author itself.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from replyloop_assets.sources.items import storable
from replyloop_assets.sources.summary import Tally

MAX_TITLE = 100
MAX_DEPTH = 3  # an array of pages, a page, its `data`

Object = Mapping[str, Any]


class Found(NamedTuple):
    """A post as it stands in a response, with what the response says around it."""

    post: Any
    users: Mapping[str, Object]
    retrieved_at: datetime | None
    query: str | None


def holds_posts(value: Any, depth: int = MAX_DEPTH) -> bool:
    """Whether a JSON value has the shape of an API v2 post or of a response around posts."""
    if isinstance(value, list):
        return depth > 0 and any(holds_posts(element, depth - 1) for element in value)
    if not isinstance(value, dict):
        return False
    if value.get("data"):
        return depth > 0 and holds_posts(value["data"], depth - 1)
    is_post = isinstance(value.get("id"), str) and isinstance(value.get("text"), str)
    return is_post or value.get("data") == [] or _reports(value)


def _reports(value: Object) -> bool:
    """Whether a response holds no post but says why, or how many it found."""
    meta = value.get("meta")
    return (
        isinstance(value.get("errors"), list)
        or {"title", "detail", "type"} <= value.keys()
        or (isinstance(meta, dict) and "result_count" in meta)
    )


def posts_of(value: Any, tally: Tally) -> Iterator[Found]:
    """Every post, or what stands in the place of one, in a value; API errors go to the tally."""
    if isinstance(value, list):
        for element in value:
            if isinstance(element, list):
                yield Found(element, {}, None, None)
            else:
                yield from posts_of(element, tally)
        return
    response = as_object(value)
    _count_errors(response, tally)
    data = response.get("data")
    if data is None:
        if not _reports(response) or "id" in response:
            yield Found(value, {}, *_retrieval(response))
        return
    users = {
        user["id"]: user
        for user in as_objects(as_object(response.get("includes")).get("users"))
        if isinstance(user.get("id"), str)
    }
    retrieval = _retrieval(response)
    for post in data if isinstance(data, list) else [data]:
        own = _retrieval(as_object(post))
        yield Found(post, users, own[0] or retrieval[0], own[1] or retrieval[1])


def _count_errors(response: Object, tally: Tally) -> None:
    errors = response.get("errors")
    for error in errors if isinstance(errors, list) else []:
        known = as_object(error)
        tally.add_error(_title(known.get("title") or known.get("message")))
    if {"title", "detail", "type"} <= response.keys():
        tally.add_error(_title(response["title"]))


def _title(value: Any) -> str:
    return storable(value)[:MAX_TITLE] if isinstance(value, str) else "error without a title"


def _retrieval(value: Object) -> tuple[datetime | None, str | None]:
    """When the tool twarc fetched this, and for which search."""
    twarc = as_object(value.get("__twarc"))
    url = twarc.get("url")
    query = None
    if isinstance(url, str):
        with suppress(ValueError):
            query = next(iter(parse_qs(urlsplit(url).query).get("query", [])), None)
    return read_instant(twarc.get("retrieved_at")), storable(query) if query else None


def read_instant(value: Any) -> datetime | None:
    """An ISO 8601 instant, UTC where it names no zone; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        instant = datetime.fromisoformat(value)
        return instant.replace(tzinfo=instant.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def as_object(value: Any) -> Object:
    """The value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_objects(value: Any) -> list[Object]:
    """The objects in a JSON array; none where it is no array."""
    elements = value if isinstance(value, list) else []
    return [element for element in elements if isinstance(element, dict)]

"""Builds synthetic files in the formats of X: no text in them was ever posted by anybody."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from replyloop_assets.sources.headers import CONTENT_ORDER, METRICS
from replyloop_assets.sources.snowflake import EPOCH

CONTENT_HEADER = (
    "Post id,Date,Post text,Post Link,Impressions,Likes,Engagements,Bookmarks,Shares,New follows,"
    "Replies,Reposts,Profile visits,Detail Expands,URL Clicks,Hashtag Clicks,Permalink Clicks"
).split(",")
TWEETS_HEADER = (
    "Tweet id,Tweet permalink,Tweet text,time,impressions,engagements,engagement rate,retweets,"
    "replies,likes,user profile clicks,url clicks,hashtag clicks,detail expands,permalink clicks,"
    "app opens,app installs,follows,email tweet,dial phone,media views,media engagements,"
    "promoted impressions,promoted engagements,promoted likes"
).split(",")
START = datetime(2026, 1, 10, 12, tzinfo=UTC)

TABLES = (
    "content_metadata",
    "tweet_metrics",
    "reply_opportunities",
    "discovered_accounts",
    "account_follower_snapshots",
    "quarantine",
)


def tweet_id(hours: float = 0, sequence: int = 7) -> str:
    """The id of a post made so many hours after START."""
    milliseconds = (START + timedelta(hours=hours) - EPOCH) // timedelta(milliseconds=1)
    return str((milliseconds << 22) + sequence)


def export_row(hours: float = 0, text: str = "hello", **cells: object) -> dict[str, str]:
    """A row of a content export by canonical column; metrics are 0 unless given."""
    row: dict[str, object] = dict.fromkeys(METRICS, 0)
    row |= {
        "tweet_id": tweet_id(hours),
        "date": (START + timedelta(hours=hours)).strftime("%a, %b %d, %Y"),
        "content": text,
        "link": f"https://x.com/someone/status/{cells.get('tweet_id', tweet_id(hours))}",
    }
    return {name: str(value) for name, value in (row | cells).items()}


def export_text(
    rows: Sequence[Mapping[str, str]], header: Sequence[str] = CONTENT_HEADER, **dialect: Any
) -> str:
    """A content export as text."""
    out = io.StringIO()
    writer = csv.writer(out, **dialect)
    writer.writerow(header)
    writer.writerows([row[name] for name in CONTENT_ORDER] for row in rows)
    return out.getvalue()


def table_text(header: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    """A CSV whose rows are given by header name; what they lack is empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, header, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def api_post(hours: float = 0, author: str = "11", **fields: Any) -> dict[str, Any]:
    """A post as the API v2 gives it."""
    made = START + timedelta(hours=hours)
    return {
        "id": tweet_id(hours),
        "text": "a synthetic post",
        "author_id": author,
        "created_at": made.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "lang": "en",
        "public_metrics": {
            "like_count": 9000,
            "reply_count": 120,
            "retweet_count": 33,
            "quote_count": 2,
        },
    } | fields


def api_user(id_: str = "11", username: str = "Author_One", followers: int = 1500) -> dict[str, Any]:
    """A user as the API v2 gives it."""
    return {"id": id_, "username": username, "public_metrics": {"followers_count": followers}}


def api_page(
    posts: Any,
    users: Sequence[Mapping[str, Any]] = (),
    retrieved_hours: float | None = 5,
    query: str | None = "longevity",
    **more: Any,
) -> dict[str, Any]:
    """A response, as twarc stores it where a retrieval time is given."""
    page = {"data": posts, "includes": {"users": list(users or [api_user()])}, **more}
    if retrieved_hours is not None:
        at = START + timedelta(hours=retrieved_hours)
        url = f"https://api.x.com/2/tweets/search/recent?max_results=100&query={query}"
        page["__twarc"] = {"url": url, "retrieved_at": at.isoformat()}
    return page


def lines(*values: Any) -> str:
    """JSON lines."""
    return "".join(json.dumps(value) + "\n" for value in values)


def write(folder: Path, content: str | bytes, name: str = "file") -> Path:
    """A file with this content."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def contents(engine: sa.Engine, skip: Sequence[str] = ()) -> dict[str, list[dict[str, Any]]]:
    """Every row of the importer's tables, but for surrogate keys and bookkeeping times."""
    found = {}
    with engine.connect() as connection:
        for table in TABLES:
            rows = connection.execute(sa.text(f"SELECT * FROM {table}")).mappings()
            hidden = {"recorded_at", "updated_at", *skip} | ({"id"} if table != "quarantine" else set())
            kept = [{k: v for k, v in row.items() if k not in hidden} for row in rows]
            found[table] = sorted(kept, key=repr)
    return found


def read_one(engine: sa.Engine, query: str) -> Any:
    """The only row of a query."""
    with engine.connect() as connection:
        return connection.execute(sa.text(query)).one()


def read_all(engine: sa.Engine, query: str) -> list[Any]:
    """The first column of a query."""
    with engine.connect() as connection:
        return list(connection.execute(sa.text(query)).scalars())


def empty(engine: sa.Engine) -> None:
    """Forget everything, for properties that try many files on one database."""
    with engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {', '.join(TABLES)}"))

"""Files into the warehouse: each recognised by its content, and loaded in one transaction.

Rows stream through COPY into a temporary table and are merged from there as sets, so that memory is
bounded, a killed import leaves nothing, the same file again changes nothing, and files may come in
any order. Nothing here looks at a file's name or date.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import psycopg
import sqlalchemy as sa

from replyloop_assets import clock
from replyloop_assets.errors import ReplyloopError
from replyloop_assets.sources import analytics_export, api_posts, decisions
from replyloop_assets.sources.file_reading import MAX_RECORD, MAX_ROW, FileStream
from replyloop_assets.sources.items import RAW_LIMIT, Item, Items, Quarantined, Skipped, storable
from replyloop_assets.sources.merging import merge, stage
from replyloop_assets.sources.recognise import API_POSTS, DECISIONS, Recognised, recognise
from replyloop_assets.sources.summary import Summary, Tally
from replyloop_assets.warehouse.engine import copy_rows

PROGRESS_EVERY = 500  # rows
STAGED = ("line", "reason", "quarantine_id", "raw")  # what every staging table begins with

Progress = Callable[[int, int], None]


def no_progress(bytes_done: int, bytes_total: int) -> None:
    """Reports to nobody."""


def import_file(
    engine: sa.Engine,
    path: Path,
    *,
    discovered_at: datetime | None = None,
    on_progress: Progress = no_progress,
) -> Summary:
    """Import one file: an X analytics export, X API v2 posts, or a bot's own decisions.

    `discovered_at` says when the posts were found, or the export was made (without a zone: UTC);
    otherwise the file's own retrieval time does, or its newest post. `on_progress` gets the bytes
    read and the file's size; what it raises ends the import and leaves nothing behind.

    Raises:
        ReplyloopError: the file or the database cannot take part; nothing was loaded.
    """
    now = clock.now()
    if discovered_at is not None:
        discovered_at = discovered_at.replace(tzinfo=discovered_at.tzinfo or UTC).astimezone(UTC)
        if discovered_at > now:
            raise ReplyloopError(
                f"{discovered_at:%Y-%m-%d %H:%M} UTC lies in the future: "
                "give the time at which the posts were found."
            )
    tally = Tally()
    try:
        recognised = recognise(path)
        with _open(path, recognised) as stream, engine.begin() as connection:
            items, columns, name = _reader(stream, recognised, tally, discovered_at, now)
            stage(connection, name)
            rows = _staged_rows(items, recognised.format, len(columns), tally, stream, on_progress)
            copy_rows(connection, "staged", (*STAGED, *columns), rows)
            on_progress(stream.bytes_total, stream.bytes_total)
            merged = merge(
                connection,
                name,
                {
                    "source": recognised.format,
                    "discovered_at": discovered_at,
                    "newest": tally.newest,
                    "loadable": tally.loadable,
                },
            )
            summary = _summary(path, recognised, tally, merged)
    except UnicodeDecodeError:
        raise ReplyloopError(
            f"{path.name} is not UTF-8 text: save it as CSV in UTF-8, or export it again."
        ) from None
    except OSError as error:
        raise ReplyloopError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (psycopg.Error, sa.exc.DBAPIError) as error:
        original = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        why = (str(original).strip().splitlines() or [type(original).__name__])[0]
        raise ReplyloopError(
            f"PostgreSQL did not take {path.name}, nothing of it was loaded: {why}."
        ) from None
    return summary


def _open(path: Path, recognised: Recognised) -> FileStream:
    if recognised.format == API_POSTS:
        return FileStream(path, recognised.encoding, MAX_RECORD, "surrogateescape")
    return FileStream(path, recognised.encoding, MAX_ROW)


def _reader(
    stream: FileStream,
    recognised: Recognised,
    tally: Tally,
    discovered_at: datetime | None,
    now: datetime,
) -> tuple[Items, tuple[str, ...], str]:
    """The rows of the file, their columns, and the name of the SQL that merges them."""
    if recognised.format == API_POSTS:
        posts = api_posts.read_api_posts(stream, recognised, tally, discovered_at, now)
        return posts, api_posts.COLUMNS, "merge_opportunities"
    if recognised.format == DECISIONS:
        made = decisions.read_decisions(stream, recognised, now)
        return made, decisions.COLUMNS, "merge_decisions"
    own = analytics_export.read_export(stream, recognised, discovered_at or now)
    return own, analytics_export.COLUMNS, "merge_export"


def _staged_rows(
    items: Iterable[Item],
    source: str,
    width: int,
    tally: Tally,
    stream: FileStream,
    on_progress: Progress,
) -> Iterator[tuple[object, ...]]:
    """Rows for the staging table, the quarantined ones among them, all counted."""
    nothing = (None,) * width
    for item in items:
        tally.read += 1
        if tally.read % PROGRESS_EVERY == 1:
            on_progress(stream.bytes_done, stream.bytes_total)
        if isinstance(item, Skipped):
            tally.skipped[item.reason] += 1
        elif isinstance(item, Quarantined):
            tally.quarantined[item.reason] += 1
            raw = storable(item.raw)
            key = sha256(f"{source}\0{item.line}\0{raw}".encode()).hexdigest()
            yield (item.line, item.reason, key, raw[:RAW_LIMIT], *nothing)
        else:
            yield (None, None, None, None, *item.values)


def _summary(path: Path, recognised: Recognised, tally: Tally, merged: dict[str, object]) -> Summary:
    loaded, updated, unchanged, repeats, clashes = (
        int(str(merged[name])) for name in ("loaded", "updated", "unchanged", "repeats", "clashes")
    )
    skipped = tally.skipped + Counter(
        {"repeat within the file": repeats, "contradicts a stored decision": clashes}
    )
    oldest, newest = merged["oldest"], merged["newest"]
    return Summary(
        source=path.name,
        format=recognised.format,
        read=tally.read,
        loaded=loaded,
        updated=updated,
        unchanged=unchanged,
        skipped=skipped.total(),
        quarantined=tally.quarantined.total(),
        reasons=dict(skipped + tally.quarantined),
        errors=dict(tally.errors),
        oldest=oldest if isinstance(oldest, datetime) else None,
        newest=newest if isinstance(newest, datetime) else None,
    )

"""Which kind of file this is, told by what stands in it; its name and its date say nothing."""

import codecs
import csv
import io
import itertools
import json
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.sources import headers
from replyloop_assets.sources.cells import DIGITS, MANGLED, STATUS_LINK, read_count
from replyloop_assets.sources.file_reading import MAX_RECORD, MAX_ROW, FileStream, encoding_of
from replyloop_assets.sources.items import Refused

CONTENT_EXPORT = "x_analytics_content"
TWEETS_EXPORT = "x_analytics_tweets"
API_POSTS = "x_api_v2"
DECISIONS = "decisions"

Document = Literal["array", "objects"]

HEAD = 64 * 1024
OVERVIEW_COUNTS = 4  # columns of counts by which a table of days is told from any other
PEEKED_ROWS = 50  # what a header in an unknown language is judged by


@dataclass(frozen=True)
class Recognised:
    """How to read a file. `columns`: canonical column to position (CSV only)."""

    format: str
    encoding: str
    delimiter: str = ","
    columns: Mapping[str, int] = field(default_factory=dict)
    width: int = 0  # cells of the header
    document: Document | None = None  # None: one JSON value per line


def recognise(path: Path) -> Recognised:
    """Tell a file's format by its content.

    Raises:
        ReplyloopError: it cannot be read, or it is of no kind that can be imported; one sentence.
        UnicodeDecodeError: it is in another encoding than UTF-8, or UTF-16 with its mark.
    """
    head = _read_head(path)
    encoding = encoding_of(head)
    if encoding != "utf-16" and _is_binary(head):
        raise ReplyloopError(
            f"{path.name} is not text but a picture, a spreadsheet, an archive or the like: "
            "give the CSV or JSON file itself."
        )
    start = head.decode(encoding, "replace").lstrip("\ufeff \t\r\n")
    if not start:
        raise ReplyloopError(f"{path.name} is empty: export or download it again.")
    if start.startswith("window.YTD"):
        raise ReplyloopError(
            f"{path.name} is part of an X archive, which holds no impressions: "
            "give the analytics content export instead."
        )
    if start[0] in "{[":
        document: Document = "array" if start[0] == "[" else "objects"
        by_lines = not _is_document(path, encoding)
        return Recognised(API_POSTS, encoding, document=None if by_lines else document)
    return _recognise_csv(path, encoding, start)


def _read_head(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise ReplyloopError(f"{path} is a folder: name the files in it.")
        if not stat.S_ISREG(mode):
            raise ReplyloopError(f"{path} is no ordinary file: save what it gives into one first.")
        with path.open("rb") as file:
            return file.read(HEAD)
    except FileNotFoundError:
        raise ReplyloopError(f"There is no file {path}: check the name.") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ReplyloopError(f"{path} cannot be read: {reason}.") from None


def _is_binary(head: bytes) -> bool:
    """Whether these bytes are no text: NULs in the first line, or NULs and what is no UTF-8.

    A NUL in a later cell is dirt in a text, and left out there.
    """
    if b"\0" not in head:
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return True
    return b"\0" in head.partition(b"\n")[0]


def _is_document(path: Path, encoding: str) -> bool:
    """Whether the file is one JSON document over several lines rather than one value per line.

    It is one where the first line alone breaks off between two tokens; a line cut off elsewhere,
    or one followed by a line that stands alone, belongs to a file of lines.
    """
    with FileStream(path, encoding, MAX_RECORD, "surrogateescape") as stream:
        try:
            lines = [line.strip() for line in itertools.islice(filter(str.strip, stream), 2)]
        except ReplyloopError:  # one line beyond the bound: an array may still be read in parts
            return True
    try:
        json.loads(lines[0])
    except json.JSONDecodeError as error:
        if error.pos < len(lines[0]):
            return False
        if lines[0] in ("[", "{") or len(lines) == 1:
            return len(lines) > 1
        return not _stands_alone(lines[1])
    except (ValueError, RecursionError):
        return False
    return False


def _stands_alone(line: str) -> bool:
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict)


def _recognise_csv(path: Path, encoding: str, start: str) -> Recognised:
    first_line = start.splitlines()[0]
    delimiter = max(",;\t", key=first_line.count)
    with FileStream(path, encoding, MAX_ROW) as stream:
        rows = csv.reader(filter(str.strip, stream), delimiter=delimiter, strict=True)
        try:
            header = next(rows)
            stream.mark()
        except (csv.Error, StopIteration):
            raise ReplyloopError(f"{path.name} is neither a CSV nor JSON.") from None
        peeked = []
        try:
            for row in itertools.islice(rows, PEEKED_ROWS):
                stream.mark()
                peeked.append(row)
        except csv.Error:  # the reader of the rows deals with it
            pass

    def recognised(format_: str, columns: Mapping[str, int]) -> Recognised:
        return Recognised(format_, encoding, delimiter, columns, len(header))

    columns = headers.decision_columns(header)
    if "decision_id" in columns:
        missing = [name for name in headers.DECISION_NEEDED if name not in columns]
        if missing:
            raise ReplyloopError(
                f"{path.name} has decisions, but lacks the column{_list(missing)}: "
                "download the content_metadata table with these columns too."
            )
        return recognised(DECISIONS, columns)
    columns = headers.analytics_columns(header)
    missing = [name for name in headers.CONTENT_NEEDED if name not in columns]
    if not missing:
        older = "time" in columns and "date" not in columns
        return recognised(TWEETS_EXPORT if older else CONTENT_EXPORT, columns)
    counts = len(columns.keys() & set(headers.METRICS))
    if "tweet_id" not in columns and "date" in columns and counts >= OVERVIEW_COUNTS:
        raise ReplyloopError(
            f"{path.name} is an account overview export, one row per day and not per post: "
            "export the content tab of X analytics instead."
        )
    if _is_content_export_by_position(columns, header, peeked):
        return recognised(CONTENT_EXPORT, {n: i for i, n in enumerate(headers.CONTENT_ORDER)})
    if len(header) < 2:
        raise ReplyloopError(f"{path.name} is neither a CSV nor JSON that replyloop can read.")
    named = [headers.SPELLINGS[name][0] for name in missing]
    raise ReplyloopError(
        f"{path.name} is a CSV of another kind: an analytics content export also has "
        f"the column{_list(named)}."
    )


def _list(names: Sequence[str]) -> str:
    return ("s " if len(names) > 1 else " ") + ", ".join(names)


def _is_content_export_by_position(
    columns: Mapping[str, int], header: Sequence[str], rows: Sequence[Sequence[str]]
) -> bool:
    """Whether a header in an unknown language is the content export's, by order and content."""
    order = headers.CONTENT_ORDER
    if len(header) != len(order) or any(order[at] != name for name, at in columns.items()):
        return False
    agreeing = 0
    for row in rows:
        if len(row) != len(order) or "/status/" not in row[3]:
            return False
        if row[0] and not (DIGITS.fullmatch(row[0]) or MANGLED.fullmatch(row[0])):
            return False
        try:
            for cell in row[4:]:
                read_count(cell)
        except Refused:
            return False
        link = STATUS_LINK.search(row[3])
        agreeing += link is not None and link[1] == row[0]
    return agreeing > 0


def csv_text(row: Sequence[str], delimiter: str) -> str:
    """A row as the CSV line it may have been, for the quarantine."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="").writerow(row)
    return out.getvalue()

"""The JSON values of a file, one at a time: per line, or the parts of a document."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import ijson  # type: ignore[import-untyped]

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.sources.file_reading import FileStream
from replyloop_assets.sources.items import Quarantined
from replyloop_assets.sources.recognise import Document

BLOCK = 64 * 1024


class JsonValue(NamedTuple):
    """A value, with its line, or in a document its number."""

    line: int
    value: Any


def read_json_values(stream: FileStream, document: Document | None) -> Iterator[JsonValue | Quarantined]:
    """Every value of the file; a line that is no JSON quarantined.

    Raises:
        ReplyloopError: a document is cut off or broken, so that nothing in it can be trusted.
    """
    return _read_document(stream, document) if document else _read_lines(stream)


def _read_lines(stream: FileStream) -> Iterator[JsonValue | Quarantined]:
    for line in stream:
        stream.mark()
        if not line.strip():
            continue
        try:
            line.encode()
            yield JsonValue(stream.line, json.loads(line))
        except UnicodeEncodeError:  # bytes that could not be decoded
            readable = line.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            yield Quarantined(stream.line, "line is not UTF-8", readable)
        except (ValueError, RecursionError):
            yield Quarantined(stream.line, "line is no JSON", line)


def _read_document(stream: FileStream, document: Document) -> Iterator[JsonValue]:
    """The elements of a top-level array, or top-level objects one after the other."""
    prefix = "item" if document == "array" else ""
    try:
        values = ijson.items(stream, prefix, multiple_values=True, use_float=True, buf_size=BLOCK)
        for number, value in enumerate(values, 1):
            stream.mark()
            yield JsonValue(number, value)
    except ijson.JSONError:
        raise ReplyloopError(
            f"{stream.path.name} is JSON that is cut off or broken: download it again."
        ) from None

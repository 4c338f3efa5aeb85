"""What a reader makes of each row of a file: a row to load, one to skip, or one to quarantine."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

RAW_LIMIT = 4096  # characters of a quarantined row that are kept


class Refused(Exception):
    """A row breaks its contract; `str()` of it is the short, stable reason."""


class Quarantined(NamedTuple):
    """A row that cannot be loaded, with the physical line it begins on."""

    line: int
    reason: str
    raw: str


class Skipped(NamedTuple):
    """A row that is in order and is not loaded, with the reason."""

    reason: str


class Loadable(NamedTuple):
    """A checked row, in the order of its format's columns."""

    values: tuple[object, ...]


Item: TypeAlias = Loadable | Skipped | Quarantined
Items: TypeAlias = Iterator[Item]


def storable(text: str) -> str:
    """The text as PostgreSQL can hold it: no NUL, a lone surrogate replaced; else untouched."""
    if "\0" in text:
        text = text.replace("\0", "")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return text


def raw_json(value: Any) -> str:
    """A JSON value as text for the quarantine."""
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except RecursionError:
        return "(nested too deeply to be shown)"

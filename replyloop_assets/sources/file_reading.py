"""A file as a stream that knows how far it is and never holds more than one record.

It reads text by lines, for CSV and JSON lines, and bytes by blocks, for a JSON document.
"""

import codecs
import csv
import io
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from replyloop_assets.errors import ReplyloopError

MAX_RECORD = 64 * 2**20  # characters of one JSON document or line
MAX_ROW = 2**20  # characters of one CSV row: a post has at most 25,000

# The csv module's own bound is one per process; ours, per row, is the one that holds.
csv.field_size_limit(max(csv.field_size_limit(), 2 * MAX_ROW))


def encoding_of(head: bytes) -> str:
    """The encoding that a file's first bytes declare, else UTF-8."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8-sig"


class FileStream:
    """An open file. `mark()` after each record: what is read since then is bounded by `limit`."""

    def __init__(self, path: Path, encoding: str, limit: int, errors: str = "strict") -> None:
        self.path = path
        self.limit = limit
        self.line = 0  # physical lines read so far
        self.last_line = ""
        self.bytes_total = path.stat().st_size
        self._since_mark = 0
        self._binary = path.open("rb")
        self._text = io.TextIOWrapper(self._binary, encoding, errors, newline="")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._text.close()

    @property
    def bytes_done(self) -> int:
        """Bytes taken from the disk so far, a block ahead of the records."""
        return self._binary.tell()

    def mark(self) -> None:
        """A record ends here."""
        self._since_mark = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(self.limit + 1)
        if not line:
            raise StopIteration
        self.line += 1
        self.last_line = line
        self._count(len(line))
        return line

    def read(self, size: int = -1) -> bytes:
        """At most `size` characters as UTF-8, for a parser of whole documents."""
        text = self._text.read(min(size, self.limit) if size >= 0 else self.limit)
        self._count(len(text))
        return text.encode("utf-8", "surrogateescape")

    def _count(self, size: int) -> None:
        self._since_mark += size
        if self._since_mark > self.limit:
            where = f" at line {self.line}" if self.line else ""
            raise ReplyloopError(
                f"{self.path.name} has a record{where} of more than {self.limit // 2**20} MiB: "
                "it is damaged, or must be split into smaller files."
            )

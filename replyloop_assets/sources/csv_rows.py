"""The rows of a CSV, one at a time, each with the line it begins on."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import suppress
from operator import itemgetter
from typing import NamedTuple

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.sources.file_reading import FileStream
from replyloop_assets.sources.items import Quarantined
from replyloop_assets.sources.recognise import Recognised, csv_text


class CsvRow(NamedTuple):
    """The cells that were asked for, "" where the file lacks the column, and where they come from."""

    cells: tuple[str, ...]
    line: int
    whole: list[str]
    delimiter: str

    def quarantined(self, reason: str) -> Quarantined:
        """This row as one that cannot be loaded."""
        return Quarantined(self.line, reason, csv_text(self.whole, self.delimiter))


def read_csv_rows(
    stream: FileStream, recognised: Recognised, columns: Sequence[str]
) -> Iterator[CsvRow | Quarantined]:
    """Every row below the header, its `columns`; those of a wrong width or broken quoting quarantined.

    Raises:
        ReplyloopError: a quote is never closed, so that any number of rows may be in it.
    """
    lines = _without_blank_start(stream)
    width, delimiter = recognised.width, recognised.delimiter
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    pick = itemgetter(*(recognised.columns.get(name, -1) for name in columns))  # -1: an empty cell added
    with suppress(StopIteration):
        next(rows)
    stream.mark()
    while True:
        line = stream.line + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:  # the reader goes on with the next line
            if "unexpected end of data" in str(error):
                raise ReplyloopError(
                    f"{stream.path.name} opens a quote in the row at line {line} and never closes "
                    "it: the file is cut off or damaged, so export it again."
                ) from None
            stream.mark()
            yield Quarantined(line, "broken quoting", stream.last_line)
            continue
        stream.mark()
        if not row:
            continue
        if len(row) < width or any(row[width:]):
            yield Quarantined(line, "wrong number of columns", csv_text(row, delimiter))
            continue
        yield CsvRow(pick([*row, ""]), line, row, delimiter)


def _without_blank_start(stream: FileStream) -> Iterator[str]:
    for line in stream:
        if line.strip():
            yield line
            break
    yield from stream

"""The rows of a CSV, one at a time, each with the line it begins on."""

import csv
from collections.abc import Iterator
from contextlib import suppress

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.sources.file_reading import FileStream
from replyloop_assets.sources.items import Quarantined
from replyloop_assets.sources.recognise import Recognised, csv_text


class CsvRow(dict[str, str]):
    """A row's cells by canonical column; "" where the file lacks the column."""

    def __init__(self, cells: dict[str, str], line: int, raw: str) -> None:
        super().__init__(cells)
        self.line = line
        self.raw = raw

    def __missing__(self, column: str) -> str:
        return ""

    def quarantined(self, reason: str) -> Quarantined:
        """This row as one that cannot be loaded."""
        return Quarantined(self.line, reason, self.raw)


def read_csv_rows(stream: FileStream, recognised: Recognised) -> Iterator[CsvRow | Quarantined]:
    """Every row below the header; those of a wrong width or broken quoting quarantined.

    Raises:
        ReplyloopError: a quote is never closed, so that any number of rows may be in it.
    """
    lines = _without_blank_start(stream)
    rows = csv.reader(lines, delimiter=recognised.delimiter, strict=True)
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
        raw = csv_text(row, recognised.delimiter)
        if len(row) < recognised.width or any(row[recognised.width :]):
            yield Quarantined(line, "wrong number of columns", raw)
            continue
        yield CsvRow({name: row[at] for name, at in recognised.columns.items()}, line, raw)


def _without_blank_start(stream: FileStream) -> Iterator[str]:
    for line in stream:
        if line.strip():
            yield line
            break
    yield from stream

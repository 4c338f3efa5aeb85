"""Small frames out of and into PostgreSQL, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import md5
from typing import Any
from uuid import UUID

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from replyloop_assets.learning.lazily import pd
from replyloop_assets.partitions import Window
from replyloop_assets.warehouse.engine import copy_rows

# how PostgreSQL sends each BIGINT, INTEGER and DOUBLE PRECISION of an array, by the number of the type
NUMBERS = {
    kind: np.dtype([("size", ">i4"), ("number", form)])
    for kind, form in {20: ">i8", 23: ">i4", 701: ">f8"}.items()
}


def read_frame(connection: sa.Connection, query: str, parameters: Mapping[str, object]) -> pd.DataFrame:
    """The rows of a query; its columns are there even where it has no row.

    An array of many numbers comes fastest by `array_send`: what is BYTEA is read as that.
    """
    result = connection.execute(sa.text(query), parameters)
    names = list(result.keys())
    frame = pd.DataFrame(map(tuple, result), columns=names)
    sent = [name for name in names if len(frame) and isinstance(frame[name].iat[0], bytes)]
    return frame.assign(**{name: frame[name].map(array_of) for name in sent})


def array_of(sent: bytes) -> NDArray[Any]:
    """An array of numbers as `array_send` gives it: without a NULL, of the types in `NUMBERS`, not empty."""
    dimensions, _, kind = np.frombuffer(sent, ">i4", 3).tolist()
    lengths = np.frombuffer(sent, ">i4", 2 * dimensions, offset=12)[::2]
    numbers = np.frombuffer(sent, NUMBERS[kind], offset=12 + 8 * dimensions)["number"]
    return numbers.astype(numbers.dtype.newbyteorder("=")).reshape(lengths)


def write_frame(connection: sa.Connection, table: str, frame: pd.DataFrame, **constants: object) -> int:
    """COPY a frame into columns of the same names, `constants` in every row; returns the rows.

    What is NaN becomes NULL.
    """
    columns = [
        [None if value != value else value for value in frame[name].tolist()] for name in frame.columns
    ]
    shared = tuple(constants.values())
    rows = (row + shared for row in zip(*columns, strict=True))
    copy_rows(connection, table, [*frame.columns, *constants], rows)
    return len(frame)


def write_windows(
    connection: sa.Connection, table: str, frame: pd.DataFrame, windows: Sequence[Window]
) -> list[int]:
    """COPY a frame whose rows are of these windows, by the place in `window`; returns the rows of each."""
    place = frame["window"].to_numpy(int)
    days, as_ofs = ([getattr(windows[at], name) for at in place] for name in ("day", "as_of"))
    rows = frame.drop(columns="window").reset_index(drop=True)
    write_frame(connection, table, rows.assign(day=days, as_of=pd.Series(as_ofs, dtype=object)))
    counts: list[int] = np.bincount(place, minlength=len(windows)).tolist()
    return counts


def derived_id(*key: object) -> UUID:
    """The id of a row with this key, the same whenever it is written; `md5(…)::UUID` in SQL."""
    return UUID(md5("/".join(map(str, key)).encode(), usedforsecurity=False).hexdigest())

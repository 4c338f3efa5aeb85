"""Small frames out of and into PostgreSQL, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import md5
from uuid import UUID

import numpy as np
import sqlalchemy as sa

from replyloop_assets.learning.comparison import Floats
from replyloop_assets.learning.lazily import pd
from replyloop_assets.warehouse.engine import copy_rows


def read_frame(connection: sa.Connection, query: str, parameters: Mapping[str, object]) -> pd.DataFrame:
    """The rows of a query; its columns are there even where it has no row."""
    result = connection.execute(sa.text(query), parameters)
    names = list(result.keys())
    return pd.DataFrame(map(tuple, result), columns=names)


def matrix_of(sent: bytes) -> Floats:
    """A two-dimensional array of DOUBLE PRECISION as `array_send` gives it: no NULL, at least one number."""
    lengths = np.frombuffer(sent, ">i4", 4, offset=12)[::2]
    cells = np.frombuffer(sent, [("bytes", ">i4"), ("number", ">f8")], offset=28)
    return cells["number"].astype(float).reshape(lengths)


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


def derived_id(*key: object) -> UUID:
    """The id of a row with this key, the same whenever it is written; `md5(…)::UUID` in SQL."""
    return UUID(md5("/".join(map(str, key)).encode(), usedforsecurity=False).hexdigest())

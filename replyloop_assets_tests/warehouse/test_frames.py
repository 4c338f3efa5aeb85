"""Frames out of PostgreSQL: arrays of numbers come as they lie there, to the last bit."""

import numpy as np
import pytest
import sqlalchemy as sa

from replyloop_assets.warehouse.frames import read_frame


@pytest.mark.parametrize(
    ("sql_type", "expected"),
    [
        ("BIGINT", np.array([-1, 2**53 + 1, 0])),
        ("INTEGER", np.array([7, -(2**31), 5], np.int32)),
        ("DOUBLE PRECISION", np.array([[0.1, -0.0, 1e-300], [np.inf, np.nan, 1 / 3]])),
    ],
)
def test_an_array_that_is_sent_is_the_array(
    empty_engine: sa.Engine, sql_type: str, expected: np.ndarray
) -> None:
    query = f"SELECT 'a' AS name, array_send(cast(:numbers AS {sql_type}[])) AS numbers"
    with empty_engine.begin() as connection:
        frame = read_frame(connection, query, {"numbers": expected.tolist()})
        none = read_frame(connection, f"{query} WHERE FALSE", {"numbers": expected.tolist()})
    found = frame["numbers"].iat[0]
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    assert list(none.columns) == ["name", "numbers"]
    assert none.empty

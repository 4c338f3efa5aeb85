"""A database that a bot made for itself, and that the loop moves into."""

import pytest
import sqlalchemy as sa

from replyloop_assets.warehouse.migrations import migrate
from replyloop_assets_tests.bot.adopting import Adopt, names


@pytest.fixture
def adopt(empty_engine: sa.Engine) -> Adopt:
    """Make a bot's tables and migrate there."""

    def work(script: str, *pairs: str, values: dict[str, str] | None = None, zone: str = "UTC") -> sa.Engine:
        with empty_engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL search_path = public")
            connection.exec_driver_sql(script.replace("%", "%%"))
        given = names(*pairs, values=values, zone=zone)
        migrate(empty_engine, "public", given)
        assert migrate(empty_engine, "public", given) == []
        return empty_engine

    return work

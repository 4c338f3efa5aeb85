"""A real PostgreSQL for every test: one private server a process, one database a test, cloned from a
template, so that a test's database costs tens of milliseconds, and the sample's life is computed once.

`pytest --midnight` runs everything, with the commands it starts, at a tenth of a second before a year ends;
`pytest --shuffle=SEED` in a random order; `pytest --postgres BIN` on the PostgreSQL of that folder.
"""

import atexit
import os
import random
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

# What is started in the background ignores Ctrl-C, and under nohup a closed terminal: so would the commands
# that are tested for ending then.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
for name in [name for name in os.environ if name.startswith(("REPLYLOOP_", "DAGSTER_"))]:
    del os.environ[name]
HOME = Path(tempfile.mkdtemp(prefix="replyloop-tests-", dir="/tmp"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
HOME.chmod(0o755)  # as root, PostgreSQL runs as another user and must get through
os.environ["REPLYLOOP_HOME"] = str(HOME)

from replyloop_assets import clock  # noqa: E402
from replyloop_assets.postgres.server import Server  # noqa: E402
from replyloop_assets.warehouse.engine import create_engine  # noqa: E402
from replyloop_assets.warehouse.migrations import migrate  # noqa: E402

NUMBERS = count(1)
MIDNIGHT = "2026-12-31T23:59:59.9+00:00"
# nothing of a test outlives its process, and a server that need not wait for the disk costs half
HASTY = ("fsync", "full_page_writes", "synchronous_commit")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--midnight", action="store_true", help=f"the program's clock starts at {MIDNIGHT}")
    parser.addoption("--postgres", type=Path, metavar="BIN", help="the programs of the server to test on")
    parser.addoption("--shuffle", type=int, metavar="SEED", help="run the tests in a random order")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if (seed := config.getoption("shuffle")) is not None:
        random.Random(seed).shuffle(items)


@pytest.fixture(autouse=True)
def time_of_day(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where the program's clock stands when a test begins; commands of a test start there, too."""
    if request.config.getoption("midnight"):
        monkeypatch.setenv(clock.VARIABLE, MIDNIGHT)
        clock.shift.cache_clear()
    yield
    clock.shift.cache_clear()


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config) -> Iterator[Server]:
    """A private server for this test process."""
    server = Server(HOME, pytestconfig.getoption("postgres"))
    server.start()
    engine = create_engine(server.url("postgres")).execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for name in HASTY:
            connection.exec_driver_sql(f"ALTER SYSTEM SET {name} = off")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
    engine.dispose()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def maintenance(server: Server) -> Iterator[sa.Engine]:
    """The server's own database, for creating others."""
    engine = create_engine(server.url("postgres")).execution_options(isolation_level="AUTOCOMMIT")
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def template(server: Server, maintenance: sa.Engine) -> str:
    """The name of a migrated, empty database."""
    return new_template(server, maintenance, "template_migrated", "template1", migrate)


@pytest.fixture(scope="session")
def sample_template(server: Server, maintenance: sa.Engine, template: str) -> str:
    """The name of a database with the facts of the sample, and nothing computed."""
    from replyloop_assets_tests.life import load_life  # with Dagster: not for tests that need none of it

    return new_template(server, maintenance, "template_sample", template, load_life)


@pytest.fixture(scope="session")
def closed_template(server: Server, maintenance: sa.Engine, sample_template: str) -> str:
    """The name of a database with the sample, all of whose days were computed after the last had closed."""
    from replyloop_assets_tests.life import ALL_DAYS, END, fill

    def close(engine: sa.Engine) -> None:
        fill(engine, END + timedelta(days=1), ALL_DAYS)

    return new_template(server, maintenance, "template_closed", sample_template, close)


def new_template(
    server: Server, maintenance: sa.Engine, name: str, of: str, make: Callable[[sa.Engine], object]
) -> str:
    """A database to clone others from: a clone of another, and what `make` does to it."""
    with maintenance.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {of}")
    engine = create_engine(server.url(name))
    make(engine)
    engine.dispose()  # a database that somebody is connected to cannot be cloned
    return name


def new_database(server: Server, maintenance: sa.Engine, template: str) -> Iterator[sa.Engine]:
    """A database of one test, gone with it."""
    name = f"test_{next(NUMBERS)}"
    with maintenance.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
    engine = create_engine(server.url(name))
    yield engine
    engine.dispose()
    with maintenance.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def engine(server: Server, maintenance: sa.Engine, template: str) -> Iterator[sa.Engine]:
    """A migrated, empty database."""
    yield from new_database(server, maintenance, template)


@pytest.fixture
def sample_engine(server: Server, maintenance: sa.Engine, sample_template: str) -> Iterator[sa.Engine]:
    """The facts of the sample, and nothing computed."""
    yield from new_database(server, maintenance, sample_template)


@pytest.fixture
def closed_engine(server: Server, maintenance: sa.Engine, closed_template: str) -> Iterator[sa.Engine]:
    """The sample with its days computed and closed."""
    yield from new_database(server, maintenance, closed_template)


@pytest.fixture
def empty_engine(server: Server, maintenance: sa.Engine) -> Iterator[sa.Engine]:
    """A database without a single table."""
    yield from new_database(server, maintenance, "template1")

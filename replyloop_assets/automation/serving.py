"""Dagster's UI, daemon and code server as children of one command: started together, ended together."""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from types import FrameType
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from replyloop_assets.errors import ReplyloopError

HOST = "127.0.0.1"
STARTUP_S = 120
SHUTDOWN_S = 15
FOLDER = "folder"  # in the note of the children
MODULE, LOCATION = "replyloop_assets.definitions", "replyloop"
WORKSPACE = """\
load_from:
  - grpc_server:
      socket: {socket}
      location_name: {name}
"""


class Stopped(Exception):
    """INT, TERM or HUP came."""


@contextmanager
def sole_server(home: Path, port: int) -> Iterator[None]:
    """Be the only `up` of this home, on a free port; children of one that was killed are ended first.

    Raises:
        ReplyloopError: another is up, or something else listens on the port.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ReplyloopError(
                f"replyloop is already up for {home}: use that one, or end it with Ctrl-C first."
            ) from None
        end_orphans(home)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                raise ReplyloopError(
                    f"Port {port} is taken: end what listens there, or choose another with --port."
                ) from None
        yield


def serve(home: Path, port: int, environment: dict[str, str], announce: str) -> None:
    """Run the UI, the daemon and one code server for both until INT, TERM or HUP, or until one of them dies.

    A code server that dies once it has answered is started anew: a run that takes all memory ends no `up`.
    (One of the daemon's own would be replaced by Dagster every minute, at 3 s of a core each.)

    Raises:
        ReplyloopError: one of them did not come up, or died; the sentence names its log.
    """
    signals = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under nohup
        signals.append(signal.SIGHUP)
    previous = {number: signal.signal(number, stop) for number in signals}
    # the path of a socket has a limit of about 100 bytes, which that of a home may pass
    folder = Path(mkdtemp(prefix="replyloop-"))
    family = Family(home, environment, folder)
    try:
        run_family(family, folder / "code", port, announce)
    except Stopped:
        pass
    finally:
        for number in previous:
            signal.signal(number, signal.SIG_IGN)
        end({child.pid for child in family.children.values()})
        shutil.rmtree(folder, ignore_errors=True)
        family.note.unlink(missing_ok=True)
        for number, handler in previous.items():
            signal.signal(number, handler)


def run_family(family: "Family", code: Path, port: int, announce: str) -> None:
    """Start everything in its order, announce it, and watch it; `code` is the code server's socket."""
    code_server = ["dagster", "api", "grpc", "--socket", str(code), "-m", MODULE, "--location-name", LOCATION]
    workspace = family.home / "dagster" / "workspace.yaml"
    workspace.write_text(WORKSPACE.format(socket=json.dumps(str(code)), name=LOCATION))
    family.start("instance", "replyloop_assets.automation.instance")
    family.wait("instance", lambda: family.has_ended("instance"))
    family.start("code server", *code_server)
    family.wait("code server", lambda: listens(code))
    family.start("webserver", "dagster_webserver", "-h", HOST, "-p", str(port), "-w", str(workspace))
    family.start("daemon", "replyloop_assets.automation.daemon", str(workspace))
    family.wait("webserver", lambda: answers(port))
    print(announce, flush=True)
    is_up = True
    while True:
        if is_up and (code_ended := family.children["code server"].poll()) is not None:
            print(f"The code server ended with {code_ended} and is started anew.", flush=True)
            code.unlink(missing_ok=True)
            family.start("code server", *code_server)
            is_up = False
        is_up = is_up or listens(code)
        family.check(spared="code server" if is_up else "")
        time.sleep(0.5)


class Family:
    """The children of one `up`, each the leader of a session and with a log of its own; and their folder."""

    def __init__(self, home: Path, environment: dict[str, str], folder: Path) -> None:
        self._folder = folder
        self.home, self.logs, self.note = home, home / "logs", home / "up.json"
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = os.environ | environment
        self.logs.mkdir(parents=True, exist_ok=True)

    def start(self, name: str, module: str, *arguments: str) -> None:
        """Start a child, or start it anew, and note it for the next `up` should this one be killed."""
        with self.log(name).open("ab" if name in self.children else "wb") as log:
            self.children[name] = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # out of the terminal's group: Ctrl-C reaches this process, which ends them
                start_new_session=True,
            )
        born = {child.pid: psutil.Process(child.pid).create_time() for child in self.children.values()}
        self.note.write_text(json.dumps({FOLDER: str(self._folder), **born}))

    def log(self, name: str) -> Path:
        """What the child says."""
        return self.logs / f"{name.replace(' ', '-')}.log"

    def wait(self, name: str, is_there: Callable[[], bool]) -> None:
        """Return once it is there, unless a child ends or the time is up before."""
        deadline = time.monotonic() + STARTUP_S
        while not is_there():
            self.check()
            if time.monotonic() > deadline:
                raise ReplyloopError(
                    f"The Dagster {name} did not answer within {STARTUP_S} s: see {self.log(name)}."
                )
            time.sleep(0.1)

    def has_ended(self, name: str) -> bool:
        """Whether a child whose work ends has done it."""
        self.check()
        if self.children[name].poll() is None:
            return False
        del self.children[name]
        return True

    def check(self, spared: str = "") -> None:
        """Raise when a child has failed, or one but the spared has ended that should not."""
        for name, child in self.children.items():
            if name != spared and child.poll() is not None and (child.returncode or name != "instance"):
                raise ReplyloopError(
                    f"The Dagster {name} ended with {child.returncode}: see {self.log(name)}."
                )


def stop(number: int, frame: FrameType | None) -> None:
    """The signal handler: unwind to the one place that ends the children."""
    raise Stopped


def answers(port: int) -> bool:
    """Whether the UI answers, and so has loaded the graph."""
    try:
        with urlopen(f"http://{HOST}:{port}/server_info", timeout=2):
            return True
    except (URLError, OSError):
        return False


def listens(place: Path) -> bool:
    """Whether a server has opened this socket: the code server does once it has loaded the graph."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(place))
        except OSError:
            return False
    return True


def end_orphans(home: Path) -> None:
    """End what an `up` that was killed has left running."""
    note = home / "up.json"
    if not note.exists():
        return
    orphans = set()
    noted = json.loads(note.read_text() or "{}")
    if folder := noted.pop(FOLDER, None):
        shutil.rmtree(folder, ignore_errors=True)
    for pid, born in noted.items():
        try:
            is_ours = psutil.Process(int(pid)).create_time() == born
        except psutil.NoSuchProcess:
            is_ours = True  # while some of a session lives, the id of its leader is given to no other
        if is_ours:
            orphans.add(int(pid))
    end(orphans)
    note.unlink(missing_ok=True)


def end(sessions: set[int]) -> None:
    """End all processes of these sessions: TERM first, KILL for what remains.

    A child leads its session; what it has started is in it, even where the child itself is dead.
    """
    family = [process for process in psutil.process_iter() if session_of(process) in sessions]
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    for process in psutil.wait_procs(family, timeout=SHUTDOWN_S)[1]:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(family, timeout=SHUTDOWN_S)


def session_of(process: psutil.Process) -> int | None:
    """The session that the process belongs to, while it lives."""
    try:
        return os.getsid(process.pid)
    except OSError:
        return None

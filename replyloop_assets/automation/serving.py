"""The Dagster UI and daemon as children of one command: started together, ended together."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.warehouse.queries import project_file

HOST = "127.0.0.1"
STARTUP_S = 120
SHUTDOWN_S = 15


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
    """Run the UI and the daemon until INT, TERM or HUP, or until one of them dies.

    Raises:
        ReplyloopError: one of them did not come up, or died; the sentence names its log.
    """
    logs = home / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    workspace = str(project_file("workspace.yaml"))
    commands = {
        "webserver": ["dagster_webserver", "-h", HOST, "-p", str(port), "-w", workspace],
        "daemon": ["dagster._daemon", "run", "-w", workspace],
    }
    children: dict[str, subprocess.Popen[bytes]] = {}
    signals = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under nohup
        signals.append(signal.SIGHUP)
    previous = {number: signal.signal(number, stop) for number in signals}
    try:
        for name, (module, *arguments) in commands.items():
            with (logs / f"{name}.log").open("wb") as log:
                children[name] = subprocess.Popen(
                    [sys.executable, "-m", module, *arguments],
                    env=os.environ | environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    # out of the terminal's group: Ctrl-C reaches this process, which ends them
                    start_new_session=True,
                )
            remember(home, children)
        wait_until_up(children, logs, port)
        print(announce, flush=True)
        while True:
            check_alive(children, logs)
            time.sleep(0.5)
    except Stopped:
        pass
    finally:
        for number in previous:
            signal.signal(number, signal.SIG_IGN)
        end({child.pid for child in children.values()})
        (home / "up.json").unlink(missing_ok=True)
        for number, handler in previous.items():
            signal.signal(number, handler)


def stop(number: int, frame: FrameType | None) -> None:
    """The signal handler: unwind to the one place that ends the children."""
    raise Stopped


def wait_until_up(children: dict[str, subprocess.Popen[bytes]], logs: Path, port: int) -> None:
    """Return once the UI answers and has loaded the graph's code location."""
    deadline = time.monotonic() + STARTUP_S
    while time.monotonic() < deadline:
        check_alive(children, logs)
        try:
            with urlopen(f"http://{HOST}:{port}/server_info", timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    raise ReplyloopError(f"The Dagster UI did not answer within {STARTUP_S} s: see {logs}.")


def check_alive(children: dict[str, subprocess.Popen[bytes]], logs: Path) -> None:
    """Raise when a child has ended by itself."""
    for name, child in children.items():
        if child.poll() is not None:
            raise ReplyloopError(
                f"The Dagster {name} ended with {child.returncode}: see {logs / f'{name}.log'}."
            )


def remember(home: Path, children: dict[str, subprocess.Popen[bytes]]) -> None:
    """Note the children and when they were born, for the next `up` should this one be killed."""
    born = {child.pid: psutil.Process(child.pid).create_time() for child in children.values()}
    (home / "up.json").write_text(json.dumps(born))


def end_orphans(home: Path) -> None:
    """End what an `up` that was killed has left running."""
    note = home / "up.json"
    if not note.exists():
        return
    orphans = set()
    for pid, born in json.loads(note.read_text() or "{}").items():
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

"""The real `replyloop` command, each time in a process of its own, and what it leaves running."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from replyloop_assets import clock
from replyloop_assets.postgres.server import SHORT_FOLDERS, Server

COMMAND = Path(sys.executable).with_name("replyloop")
PATIENCE_S = 300  # for what must happen, on a machine that is busy with other things: no measure of speed


@dataclass(frozen=True)
class Done:
    """What a command that has ended said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Shell:
    """Where commands are typed: a home, and the variables set there."""

    home: Path
    variables: dict[str, str]

    def with_url(self, url: str) -> "Shell":
        return Shell(self.home, self.variables | {"REPLYLOOP_DATABASE_URL": url})

    def at(self, instant: datetime) -> "Shell":
        """Where commands begin at this instant, whatever the machine's clock says."""
        return Shell(self.home, self.variables | {clock.VARIABLE: instant.isoformat()})

    def start(self, *words: object) -> subprocess.Popen[str]:
        ours = [name for name in os.environ if name.startswith("REPLYLOOP_") and name != clock.VARIABLE]
        clean = {name: value for name, value in os.environ.items() if name not in ours}
        return subprocess.Popen(
            [COMMAND, *map(str, words)],
            env=clean | {"REPLYLOOP_HOME": str(self.home)} | self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: object) -> Done:
        """A command to its end. As its output is no terminal, it may not draw on one."""
        return finish(self.start(*words))

    def succeed(self, *words: object) -> Done:
        done = self.run(*words)
        assert (done.code, done.err) == (0, ""), done
        return done

    def server(self) -> Server:
        return Server(self.home)


def finish(process: subprocess.Popen[str]) -> Done:
    """Wait for a command's end. As its output is no terminal, it may not draw on one."""
    try:
        out, err = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    done = Done(process.returncode, out, err)
    assert not {"\x1b", "\r", "\b"} & {*out, *err}, done
    return done


@contextmanager
def new_shell() -> Iterator[Shell]:
    """A home of its own under /tmp, short and open, as the private PostgreSQL may be another user.

    In the end nothing may be running that belongs to it, whatever was done there.
    """
    home = Path(tempfile.mkdtemp(prefix="rl-", dir="/tmp")).resolve()
    home.chmod(0o755)
    try:
        yield Shell(home, {})
        assert command_lines(home) == []
    finally:
        for process in processes_of(home):
            process.kill()
        psutil.wait_procs(processes_of(home), timeout=PATIENCE_S)
        folder = Server(home)._socket_folder
        if folder.parent == SHORT_FOLDERS:
            shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(home)


def processes_of(home: Path) -> list[psutil.Process]:
    """Every living process that was told of this home: commands, Dagster's, and PostgreSQL's.

    Any of them may have ended once this returns, so their names are read here: `process.info["name"]`.
    """
    server = Server(home)
    found = []
    for process in psutil.process_iter(["name"]):
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            words = " ".join(process.cmdline())
            ours = server._mark in words or str(home) in words
            if ours or process.environ().get("REPLYLOOP_HOME") == str(home):
                found.append(process)
        except psutil.Error:
            continue
    return found


def command_lines(home: Path) -> list[str]:
    """What those processes are."""
    lines = []
    for process in processes_of(home):
        with suppress(psutil.NoSuchProcess):  # it ended meanwhile
            lines.append(" ".join(process.cmdline()))
    return lines


def says_one_sentence(done: Done, what: str = "", code: int = 1) -> None:
    """It ended with one line on standard error that tells the reason, and without a traceback."""
    assert done.code == code, done
    assert done.err.startswith("replyloop: "), done
    assert done.err.count("\n") == 1, done
    assert done.err.endswith("\n"), done
    assert what in done.err, done
    assert "Traceback" not in done.out + done.err, done
    assert "defect of replyloop" not in done.err, done


def wait_for(condition: Callable[[], Any]) -> Any:
    """The first value of the condition that holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return value


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

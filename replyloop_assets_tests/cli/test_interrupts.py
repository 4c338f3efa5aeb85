"""An interrupt ends a command wherever it comes, also where the library that it meets loses it."""

import subprocess
import sys

import pytest

# a command of its own, which is interrupted where a library drops the exception or raises another instead
PROGRAM = """
import signal
import time

import typer

from replyloop_assets.cli import main
from replyloop_assets.cli.workplace import progress_bar


class Tidied:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)


def dropped():
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        pass


def dropped_while_tidying():
    Tidied()
    time.sleep(60)


def replaced():
    try:
        signal.raise_signal(signal.SIGINT)
    finally:
        raise ValueError("another command is already in progress")


def work():
    with progress_bar("Working") as advance:
        advance(1, 3)
        {how}()
        advance(2, 3)
        print("worked on", flush=True)


main.app = typer.Typer()
main.app.command()(work)
main.main()
"""


@pytest.mark.parametrize("how", ["dropped", "dropped_while_tidying", "replaced"])
def test_an_interrupt_that_a_library_loses_ends_the_command(how: str) -> None:
    program = PROGRAM.replace("{how}", how)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=300
    )
    assert (done.returncode, done.stdout) == (130, ""), done.stderr
    assert done.stderr == "replyloop: interrupted; what was finished is kept.\n"

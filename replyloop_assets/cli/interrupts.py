"""Ctrl-C: an exception where the work stands, and a mark that stays.

The exception alone may be lost: C code drops what a Python callback raises, and a library that tidies up
raises another instead. So long work asks for the mark at each step (`check`), and `main` before it explains
an error.
"""

import signal
import sys
import threading
from types import FrameType

came = threading.Event()


def listen() -> None:
    """Let TERM, and a closed terminal, end a command as Ctrl-C does."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as for a job in the background
        signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under nohup
        signal.signal(signal.SIGHUP, interrupt)
    sys.unraisablehook = interrupt_again


def interrupt(number: int, frame: FrameType | None) -> None:
    """The signal handler."""
    came.set()
    raise KeyboardInterrupt


def check() -> None:
    """Interrupt the work now, where an interrupt came and was lost.

    Raises:
        KeyboardInterrupt: an interrupt has come.
    """
    if came.is_set():
        raise KeyboardInterrupt


def interrupt_again(lost: "sys.UnraisableHookArgs") -> None:
    """An interrupt that came while Python tidied up is lost there: send it anew a moment later.

    To the main thread, as it may wait in a call to the system, which a signal to another does not end.
    """
    if issubclass(lost.exc_type, Exception):
        sys.__unraisablehook__(lost)
    else:
        main = threading.main_thread().ident
        threading.Timer(0.02, signal.pthread_kill, [main, signal.SIGTERM]).start()

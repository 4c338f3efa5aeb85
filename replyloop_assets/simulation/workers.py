"""Processes that share the work of a simulation, and end with it."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from replyloop_assets.errors import ReplyloopError


@contextmanager
def workers(tasks: int, processes: int | None = None) -> Iterator[ProcessPoolExecutor]:
    """A process per processor, none idle; all end at once when the block is left by an error.

    Ctrl-C reaches the command alone: it ends them. They inherit that they ignore it, from before their
    first import on.

    Raises:
        ReplyloopError: one was ended from outside, as for want of memory.
    """
    count = max(1, min(tasks, processes or os.cpu_count() or 1))
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn"))
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for _ in range(count):
            pool.submit(int)  # starts a process
    finally:
        signal.signal(signal.SIGINT, handler)
    try:
        yield pool
        pool.shutdown()
    except BaseException as error:
        for process in set(multiprocessing.active_children()) - before:
            process.kill()
        pool.shutdown(wait=False, cancel_futures=True)
        if isinstance(error, BrokenProcessPool):
            raise ReplyloopError(
                "A process of the simulation was ended, perhaps for want of memory: ask for less at once."
            ) from None
        raise

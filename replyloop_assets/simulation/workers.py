"""Processes that share the work of a simulation, and end with it."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager


@contextmanager
def workers(tasks: int, processes: int | None = None) -> Iterator[ProcessPoolExecutor]:
    """A process per processor, none idle; all end at once when the block is left by an error.

    Ctrl-C reaches the command alone: it ends them.
    """
    count = max(1, min(tasks, processes or os.cpu_count() or 1))
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        count,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    )
    try:
        yield pool
        pool.shutdown()
    except BaseException:
        for process in set(multiprocessing.active_children()) - before:
            process.kill()
        pool.shutdown(wait=False, cancel_futures=True)
        raise

"""A bench replicated in the process of its test: to start another and to import the project there costs as
much as most benches do, and that processes change no figure has tests of its own."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any

import pytest

from replyloop_assets.simulation.benches.replicate import Bench, replicate


class Alone(Executor):
    """Does what it is given on the spot."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(work(*args, **options))
        return future


@contextmanager
def alone(tasks: int, processes: int | None = None) -> Iterator[Alone]:
    yield Alone()


def replicate_alone(bench: Bench, reps: int, seed: int) -> dict[str, float | None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("replyloop_assets.simulation.benches.replicate.workers", alone)
        return replicate(bench, reps, seed)

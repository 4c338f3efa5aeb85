"""The program's one clock: nothing else of it asks what time it is.

`REPLYLOOP_CLOCK`, an instant such as 2026-03-01T23:59:59.9+00:00, is where it stands when a process starts;
it runs on from there. So a test, or a rehearsal, has any time of day it wants.
"""

import os
from datetime import UTC, datetime, timedelta
from functools import cache

from replyloop_assets.errors import ReplyloopError

VARIABLE = "REPLYLOOP_CLOCK"


def now() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(UTC) + shift()


@cache
def shift() -> timedelta:
    """How far this process's clock is from the machine's; it is set once.

    Raises:
        ReplyloopError: the variable holds no instant with a time zone.
    """
    given = os.environ.get(VARIABLE)
    if not given:
        return timedelta()
    try:
        instant = datetime.fromisoformat(given)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise ReplyloopError(
            f"{VARIABLE} is no instant: write it as 2026-03-01T23:59:59.9+00:00, or unset it."
        )
    return instant - datetime.now(UTC)

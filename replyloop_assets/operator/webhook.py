"""One message to the operator's webhook: how it is written, sent, and what is said of the answer.

The URL is a secret, and libraries quote it in what they say: so nothing that they say leaves this module.
"""

import json
import socket
import ssl
from collections.abc import Iterable, Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from queue import Empty, Queue
from threading import Thread
from typing import NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from pydantic import SecretStr

from replyloop_assets import clock
from replyloop_assets.text import plain

TIMEOUT_S = 5
LONGEST_WAIT_S = 3_600  # that a receiver may ask for
MOST = 1_900  # characters: Discord takes 2,000
ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
APART = "\u200b"  # seen by no reader, and by every program that looks for mentions and links
BUSY = (429, 503)
PROBLEMS = (
    (TimeoutError, f"no answer came within {TIMEOUT_S} seconds"),
    (ConnectionRefusedError, "nothing listens there"),
    (socket.gaierror, "its host is not known"),
    (ssl.SSLError, "its certificate was not accepted"),
    (OSError, "the connection failed"),
    (HTTPException, "what answers there is no web server"),
)


class Answer(NamedTuple):
    """What came of a message: no problem where it arrived; for how long the receiver asked to be left."""

    problem: str | None
    wait_s: float | None = None


class NoRedirect(HTTPRedirectHandler):
    """A webhook is where it was said to be: elsewhere the message would be a GET, or a stranger's."""

    def redirect_request(self, *_: object) -> None:
        """Follow none."""


def message(severity: str, component: str, text: str) -> str:
    """An alert for Slack, Mattermost and Discord, which may quote what strangers wrote.

    It stays plain text on one line: it mentions nobody, and no link hides where it leads.
    """
    words = " ".join(plain(f"replyloop {severity}: {component}: {text}", None).split())
    for mark in ("@", "](", "://"):
        words = words.replace(mark, mark[0] + APART + mark[1:])
    return "".join(fitting((ESCAPED.get(letter, letter) for letter in words), MOST))


def fitting(pieces: Iterable[str], most: int) -> Iterator[str]:
    """The first pieces, none of them cut, and a sign where there were more."""
    used = 1
    for piece in pieces:
        used += len(piece)
        if used > most:
            yield "…"
            return
        yield piece


def post(url: SecretStr, text: str) -> Answer:
    """Send a message, and wait no longer than `TIMEOUT_S` for the answer, whoever dawdles."""
    answers: Queue[Answer] = Queue()
    # a socket's timeout starts again with every byte, and there is none for the name server
    Thread(target=lambda: answers.put(send(url, text)), daemon=True).start()
    try:
        return answers.get(timeout=TIMEOUT_S)
    except Empty:
        return Answer(PROBLEMS[0][1])


def send(url: SecretStr, text: str) -> Answer:
    """Send a message; whatever goes wrong is an answer."""
    try:
        request = Request(  # noqa: S310 # the settings take http and https alone
            url.get_secret_value(),
            json.dumps({"text": text}).encode(),
            {"Content-Type": "application/json", "User-Agent": "replyloop"},
        )
        with build_opener(NoRedirect).open(request, timeout=TIMEOUT_S):
            return Answer(None)
    except HTTPError as error:
        with error:
            asked = error.headers.get("Retry-After") if error.code in BUSY else None
            redirect = ", a redirect, which is not followed" if 300 <= error.code < 400 else ""
            return Answer(
                f"it answered {error.code}{redirect}", seconds(asked, clock.now()) if asked else None
            )
    except Exception as error:
        cause = error.reason if isinstance(error, URLError) else error
        known = (problem for kind, problem in PROBLEMS if isinstance(cause, kind))
        return Answer(next(known, "it cannot be sent there"))


def seconds(retry_after: str, now: datetime) -> float | None:
    """How long a receiver asks to be left, in seconds or as a date; None where it says neither."""
    try:
        asked = float(retry_after)
    except ValueError:
        try:
            asked = (parsedate_to_datetime(retry_after) - now).total_seconds()
        except (TypeError, ValueError):
            return None
    return min(max(0.0, asked), LONGEST_WAIT_S)

"""One message and a real receiver: it arrives, it does not, nobody learns where it went."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from replyloop_assets.operator import webhook
from replyloop_assets.operator.webhook import MOST, message, post, seconds
from replyloop_assets_tests.commands import free_port
from replyloop_assets_tests.receivers import SECRET, receiving

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_a_message_arrives_as_slack_reads_it() -> None:
    with receiving(200) as receiver:
        answer = post(SecretStr(receiver.url), message("warning", "health", "Replies bring less."))
    assert answer == (None, None)
    assert receiver.got == [{"text": "replyloop warning: health: Replies bring less."}]
    assert receiver.paths == [f"/services/{SECRET}"]
    assert receiver.headers[0]["Content-Type"] == "application/json"


@pytest.mark.parametrize("status", [201, 204])
def test_every_2xx_is_delivered(status: int) -> None:
    with receiving(status) as receiver:
        assert post(SecretStr(receiver.url), "x").problem is None


@pytest.mark.parametrize(
    ("status", "headers", "problem", "wait"),
    [
        (500, {}, "it answered 500", None),
        (404, {"Retry-After": "9"}, "it answered 404", None),
        (429, {"Retry-After": "120"}, "it answered 429", 120),
        (429, {"Retry-After": "0.5"}, "it answered 429", 0.5),
        (429, {"Retry-After": "9999999"}, "it answered 429", 3600),
        (429, {"Retry-After": "soon"}, "it answered 429", None),
        (503, {"Retry-After": "7"}, "it answered 503", 7),
        (302, {"Location": "/elsewhere"}, "it answered 302, a redirect, which is not followed", None),
    ],
)
def test_what_a_receiver_refuses_is_said(
    status: int, headers: dict[str, str], problem: str, wait: float | None
) -> None:
    with receiving((status, headers)) as receiver:
        assert post(SecretStr(receiver.url), "x") == (problem, wait)
    assert len(receiver.got) == 1


def test_a_pause_may_be_a_date() -> None:
    assert seconds("Fri, 01 May 2026 12:01:30 GMT", NOW) == 90
    assert seconds("Fri, 01 May 2026 11:00:00 GMT", NOW) == 0
    assert seconds("nan", NOW) == 0
    assert seconds("Fri, 01 May 2026 12:01:30 -0000", NOW) is None


@contextmanager
def dripping() -> Iterator[str]:
    """A receiver that keeps the line open with a byte a second, and never ends its answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            line, _ = server.accept()
            with line:
                for byte in b"HTTP/1.1 200 OK\r\nX: " + 60 * b"y":
                    line.send(bytes([byte]))
                    time.sleep(0.4)

        Thread(target=drip, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/{SECRET}"


def test_nobody_is_waited_for_longer_than_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "TIMEOUT_S", 1)
    for slow in (receiving(200, linger_s=30), dripping()):  # waited for, the first one would answer
        with slow as where:
            answer = post(SecretStr(where if isinstance(where, str) else where.url), "x")
        assert answer.problem == "no answer came within 5 seconds"


def test_what_cannot_be_reached_is_said_without_the_url(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def talk() -> None:
            line, _ = other.accept()
            with line:
                line.recv(10_000)
                line.sendall(b"220 no web server here\r\n")

        Thread(target=talk, daemon=True).start()
        problems = {
            f"http://127.0.0.1:{free_port()}/{SECRET}": "nothing listens there",
            f"http://nowhere.invalid/{SECRET}": "its host is not known",
            f"http://127.0.0.1:{other.getsockname()[1]}/{SECRET}": "what answers there is no web server",
            f"http://127.0.0.1/{SECRET} \x00": "what answers there is no web server",
            f"nonsense://{SECRET}": "it cannot be sent there",
        }
        found = {url: post(SecretStr(url), "x").problem for url in problems}
    unknown = found[f"http://nowhere.invalid/{SECRET}"]
    assert unknown in ("its host is not known", "no answer came within 5 seconds")  # as the name server is
    assert found == problems | {f"http://nowhere.invalid/{SECRET}": unknown}
    said = capfd.readouterr()
    assert SECRET not in said.out + said.err


def test_hostile_text_mentions_nobody_and_forges_no_link() -> None:
    text = (
        "<!channel> <@U1> @everyone <https://evil.example|x> [x](https://evil.example) \x1b[31m\u202e\n*&amp;"
    )
    said = message("warning", "health", text)
    assert not {"<", ">", "\x1b", "\u202e", "\n"} & set(said)
    assert "&lt;!channel&gt;" in said
    assert "&amp;amp;" in said
    for mark in ("@everyone", "@U1", "://", "]("):
        assert mark not in said


@given(st.text())
def test_no_message_is_too_long_or_cut_within_a_sign(text: str) -> None:
    said = message("warning", "health", text * 50)
    assert len(said) <= MOST
    rest = said.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    assert not {"&", "<", ">"} & set(rest)
    assert "\n" not in said

"""A webhook's receiver: a real web server on this machine, which answers as it is told and remembers."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

SECRET = "T0KEN/B0TTOM/s3cretWebhookPath"


@dataclass
class Receiver:
    """Where messages arrive; `answers` are given one after the other, the last one for ever."""

    answers: list[tuple[int, dict[str, str]]]
    linger_s: float = 0
    url: str = ""
    got: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        return [body["text"] for body in self.got]

    def take(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str]]:
        self.paths.append(path)
        self.headers.append(headers)
        self.got.append(json.loads(body))
        time.sleep(self.linger_s)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def receiving(*answers: int | tuple[int, dict[str, str]], linger_s: float = 0) -> Iterator[Receiver]:
    """A receiver that is there meanwhile."""
    receiver = Receiver([(one, {}) if isinstance(one, int) else one for one in answers or (200,)], linger_s)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers = receiver.take(self.path, dict(self.headers), body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        do_GET = do_POST  # noqa: N815 # http.server calls it so

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/services/{SECRET}"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()

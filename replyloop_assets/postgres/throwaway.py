"""A private server that lives as long as it is used: for simulations, benches, and the recorded schema."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from replyloop_assets.postgres.server import Server


@contextmanager
def throwaway_server(binaries: Path | None = None) -> Iterator[Server]:
    """A running server in a folder of its own; both are gone afterwards.

    `binaries` are PostgreSQL's programs, as `Server` takes them.
    """
    home = Path(tempfile.mkdtemp(prefix="replyloop-"))
    home.chmod(0o755)  # as root, PostgreSQL runs as another user and must get through
    server = Server(home, binaries)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)

"""Moves the private server's data to another major version of PostgreSQL, which alone cannot read it.

A part of `Server` in a file of its own: it works in the server's folder, while nobody starts the server.
"""

import re
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from replyloop_assets.postgres.account import EmbeddedError
from replyloop_assets.postgres.programs import Binaries, find, newest
from replyloop_assets.postgres.server import ROLE, Server

# pg_upgrade writes where it is started, and reaches both servers over a socket there
MOVE = 'cd "$1" && shift && exec "$@"'


@dataclass(frozen=True)
class Upgrade:
    """From one major version to another, and where the old data is kept."""

    before: int
    after: int
    kept: Path


def upgrade(server: Server) -> Upgrade | None:
    """Move the data to the newest PostgreSQL here; None where it is of that already.

    The old folder stays beside the new one. An upgrade that was interrupted has changed nothing: the next
    one begins anew. It needs the programs of both versions.

    Raises:
        EmbeddedError: there is no data yet, the programs it was made by are gone, or pg_upgrade refuses.
    """
    server.stop()
    server._prepare()
    with server._locked():
        account, folder, data = server._account, server._folder, server._data
        before = server._major()
        if before is None:
            raise EmbeddedError(
                "There is no data yet: the first command makes it, of the newest PostgreSQL here."
            )
        target = newest(account, copies=folder)
        if target.major <= before:
            return None
        source = find(account, major=before, named=server.bin_dir, copies=folder)
        work = folder / f"new-{secrets.token_hex(4)}"  # a start sweeps up what an interrupt leaves
        account.make_private(work)
        try:
            server._init(target, work / "data", *checksums_of(server, source, target))
            move(server, source, target, work)
            kept = folder / f"data-{before}"
            shutil.rmtree(kept, ignore_errors=True)
            data.rename(kept)
            (work / "data").rename(data)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return Upgrade(before, target.major, kept)


def checksums_of(server: Server, source: Binaries, target: Binaries) -> list[str]:
    """How initdb is told to check pages as the old data does: pg_upgrade refuses anything else."""
    told = server._account.run(source.folder / "pg_controldata", server._data).stdout
    if re.search(r"checksum version: +[1-9]", told):
        return ["--data-checksums"]
    return ["--no-data-checksums"] if target.major >= 18 else []  # which 18 is the first to know


def move(server: Server, source: Binaries, target: Binaries, work: Path) -> None:
    """Run pg_upgrade from the server's data into `work`/data."""
    done = server._account.run(
        "/bin/sh", "-c", MOVE, "sh", work,
        target.folder / "pg_upgrade", f"--username={ROLE}",
        f"--old-bindir={source.folder}", f"--new-bindir={target.folder}",
        f"--old-datadir={server._data}", f"--new-datadir={work / 'data'}",
        f"--socketdir={server._socket_folder}",
    )  # fmt: skip
    if done.returncode != 0:
        said = [line for line in done.stdout.splitlines() if line.strip()]
        reason = " ".join(" ".join(said[-3:]).split()) or "no message"
        raise EmbeddedError(f"The data stays with PostgreSQL {source.major}: pg_upgrade refuses ({reason}).")

"""Records a version of the schema, with rows, for the test of upgrades (test_upgrades.py).

Before a release, `make record` adds what a database of the present version holds to `old_schemas.tar.xz`:
from then on every later version must be able to take it over. The first ones, named by their commit, were
recorded from the history of the branch main. One archive, since its scripts have nearly all in common.
"""

import io
import re
import subprocess
import tarfile
from pathlib import Path

from replyloop_assets.postgres.server import Server
from replyloop_assets.postgres.throwaway import throwaway_server
from replyloop_assets.warehouse.engine import create_engine
from replyloop_assets.warehouse.migrations import migrate, version
from replyloop_assets_tests.warehouse.made_up import fill_with_rows

ARCHIVE = Path(__file__).parent / "old_schemas.tar.xz"
# functions are made before the tables they read; grants and policies name roles, which belong to the server
HEAD = """\
SET LOCAL check_function_bodies = off;
DO $$ BEGIN CREATE ROLE replyloop_bot NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE replyloop_reader NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
"""
# comments, the settings of pg_dump's session, psql's own commands, empty lines
LEFT_OUT = re.compile(
    r"^(--.*|SET \w+ = [^;]+;|SELECT pg_catalog\.set_config\(.*|\\(un)?restrict .*|)\n", re.MULTILINE
)


def recorded() -> dict[str, str]:
    """The scripts by name, the oldest version first."""
    with tarfile.open(ARCHIVE) as archive:
        files = {member.name: archive.extractfile(member) for member in archive}
        return {name: file.read().decode() for name, file in files.items() if file}


def record(scripts: dict[str, str]) -> None:
    """Write the archive: the same bytes for the same scripts."""
    with tarfile.open(ARCHIVE, "w:xz", preset=9) as archive:
        for name, text in scripts.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))


def dump(server: Server, database: str) -> str:
    """The database as one script for any driver and any server from 14 on; whoever runs it owns all of it."""
    done = subprocess.run(
        [server.bin("pg_dump"), "--inserts", "--no-owner", server.url(database)],
        capture_output=True,
        text=True,
        check=True,
    )
    return HEAD + LEFT_OUT.sub("", done.stdout)


def main() -> None:
    """Record the present version, anew where it is recorded already."""
    with throwaway_server() as server:
        engine = create_engine(server.url("postgres"))
        migrate(engine)
        fill_with_rows(engine)
        engine.dispose()
        record(recorded() | {version(): dump(server, "postgres")})


if __name__ == "__main__":
    main()

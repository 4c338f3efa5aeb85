"""The user of the operating system as whom PostgreSQL's programs run, and what belongs to that user."""

import errno
import os
import pwd
import stat
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from replyloop_assets.errors import ReplyloopError

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

"""Text that somebody else wrote, made fit for a terminal, a sentence or the database, all by `plain`."""

import re

from replyloop_assets.errors import ReplyloopError


def plain(text: object, most: int | None = 80) -> str:
    """What somebody else wrote, on one line and without orders to the terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text))[:most]


def plain_or_dash(value: object) -> str:
    """The same, whole, of what may be missing: then a dash."""
    return "–" if value is None else plain(value, None)


def clause(text: object, most: int = 160) -> str:
    """The first sentence of what somebody else wrote, without its end: it may stand inside another."""
    sentences = re.split(r"[.!?…]+(?:\s+|$)", " ".join(plain(text, None).split()))
    return next(filter(None, sentences), "")[:most]


def typed(what: str, text: str) -> str:
    """What somebody typed, without the blanks around it.

    Raises:
        ReplyloopError: nothing is left of it, or it is no UTF-8, which PostgreSQL would not take.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ReplyloopError(f"{what} {plain(text)} is no text in UTF-8: type it anew.") from None
    if not text.strip():
        raise ReplyloopError(f"{what} is blank: say what is meant, or leave it out.")
    return text.strip()

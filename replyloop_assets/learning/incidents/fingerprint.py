"""The fingerprint of an error: its message with everything folded that differs from case to case.

Numbers, ids, addresses and the like become `<#>`, `<time>`, `<ip>`, `<url>`, `<path>` and so on. What a
number says about the kind of error stays: HTTP statuses, error codes, exit codes. Secrets go before
everything else: a fingerprint is told to the operator over the wire. Every expression is tried at the
beginning of a word only, or is bounded, so that time grows with the length alone.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from replyloop_assets.learning.incidents.codes import CODES, hide, show_codes
from replyloop_assets.learning.incidents.secrets import hide_secrets
from replyloop_assets.learning.incidents.telling import telling_line

FOLDED = "<#>"
MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
ZONE = r"(?:\s?(?:Z|UTC|GMT)\b|\s?[+-][0-9]{2}:?(?:[0-9]{2})?(?![0-9]))"
CLOCK = rf"[0-9]{{1,2}}:[0-9]{{2}}(?::[0-9]{{2}}(?:[.,][0-9]{{1,9}})?)?(?:\s?[AP]M\b)?{ZONE}?"
DATE = rf"""
    (?:\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{{0,6}},?\s)?
    \b(?:
        [0-9]{{4}}[-/.][0-9]{{1,2}}[-/.][0-9]{{1,2}}
        |[0-9]{{1,2}}/[0-9]{{1,2}}/[0-9]{{4}}
        |[0-9]{{1,2}}[\s/-]{MONTH}[\s/-][0-9]{{4}}
        |{MONTH}\s{{1,2}}[0-9]{{1,2}}(?:,?\s[0-9]{{4}})?(?=,?\s[0-9])
    )(?![0-9])
"""
TIME = re.compile(
    rf"{DATE}(?:[T:,\s]{{1,2}}{CLOCK})?|(?<![\w.:])[0-9]{{1,2}}:[0-9]{{2}}:[0-9]{{2}}(?:[.,][0-9]{{1,9}})?{ZONE}?(?![\w:])",
    re.VERBOSE,
)
URL = re.compile(r"\b[a-z][a-z0-9+]{1,15}://(?:[^\s\"'<>()\[\]{}|`]|<secret>)+")
API = re.compile(r"//api\.|/api/|/v?[0-9](?:\.[0-9])?/|/graphql")
EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")
UUID = re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Fa-f])")
IP = re.compile(
    r"(?<![\w.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?::[0-9]{1,5}|/[0-9]{1,2})?(?![\w.]*[0-9])"
    r"|(?<![\w:])(?=[0-9A-Fa-f:]{0,40}::|(?:[0-9A-Fa-f]{1,4}:){7})[0-9A-Fa-f:]{3,45}(?![\w:])"
)
BASE64 = re.compile(r"(?<![\w+/.])[A-Za-z0-9+/]{16,}={0,2}(?![\w+/.])")
PATH = re.compile(r"(?<![\w/\\.:<>-])(?:[A-Za-z]:)?(?:[/\\][\w.@+~%-]+){2,}/?(?:\?[^\s\"')]*)?")
ROOTS = frozenset(
    "app bin data etc home lib mnt opt private root run srv tmp usr Users var workspace".split()
)
QUOTED = re.compile(r"(?<![\w\\])(?P<mark>[\"'`])(?P<inside>[^\"'`\n]{1,400})(?P=mark)(?!\w)")
NAME = re.compile(r"(?<![\w/.])@\w{1,30}(?![\w/])")
ESCAPED = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2})|\b0x[0-9A-Fa-f]+")
UNITS = (
    "ns|us|µs|ms|msecs?|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?"
    "|b|bytes?|[kmgt]i?b?|%"
)
NUMBER = re.compile(
    rf"(?<![\w.<])[-+]?[0-9]+(?:[.,][0-9]+)*(?:e[-+]?[0-9]+)?(?:\s?(?:{UNITS})(?![\w<]))?(?!\w)",
    re.IGNORECASE,
)
MIXED = re.compile(r"(?<![\w-])[A-Za-z_-]*[0-9][\w-]*")
PIECE = re.compile(r"([_-]+)")
DIGITS = re.compile(r"[0-9]+")
SWITCH = re.compile(r"(?<=[0-9])(?=[A-Za-z])|(?<=[A-Za-z])(?=[0-9])")
HEX = re.compile("[0-9a-f]+|[0-9A-F]+")
HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
OF_WORDS = re.compile(r"[a-z]{0,20}(?:[A-Z]{1,4}[a-z]{2,20})+[A-Z]{0,4}|\w+(?:Error|Exception)")
REPEATED = re.compile(r"(?<![\w-])(<[^<>]{1,8}>)(?:(?:\s|,\s?|[-_:/;x]|\.{1,3})\1)+")
# the one of what a number counts; a word whose end does not tell what its one is stays
PLURAL = re.compile(
    r"""
    (?P<one>(?:^|[\s(:=\[])<\#>[ ](?!series|species|always)[A-Za-z]{2,20}?)
    (?:
        (?P<y>(?<=[bcdghlmnprt])ies)
        |(?:(?<=ss)|(?<=sh)|(?<=x)|(?<=[nrt]ch))es
        |(?<=[A-Za-z]{3}[^suie])s
        |(?:(?<=[A-Za-z]{2}[^hiosux]e)|(?<=[anr]se)(?<!iase))s
    )\b
    """,
    re.VERBOSE,
)
# control characters, marks that turn the direction of writing, and the block of hidden digits
UNSEEN = re.compile("[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202f\u2060-\u206f\ue000-\ue00f\ufeff]+")


def fold(message: str) -> str:
    """The fingerprint of one message; empty where it says nothing."""
    text = UNSEEN.sub(" ", telling_line(hide_secrets(message))).strip()
    for pattern, put in STEPS:
        text = pattern.sub(put, text)
    return show_codes(text)


def fold_url(found: re.Match[str]) -> str:
    """An API's address keeps host and route, which say what was asked for; a page's says nothing."""
    address = found[0]
    end = address[len(address.rstrip(".,;:!")) :]
    address = address.partition("?")[0].partition("#")[0]
    return (address.rstrip(".,;:!") if API.search(address) else "<url>") + end


def fold_path(found: re.Match[str]) -> str:
    """A file keeps its name, a route its words."""
    path = found[0].partition("?")[0].rstrip("/\\")
    parts = re.split(r"[/\\]", path)
    if parts[1] in ROOTS or parts[0] or "." in parts[-1]:
        return f"<path>/{parts[-1]}"
    return path


def singular(found: re.Match[str]) -> str:
    """What was counted, as if it were one."""
    return found["one"] + ("y" if found["y"] else "")


def fold_quoted(found: re.Match[str]) -> str:
    """What is quoted at some length is somebody's text; a word or two may be what the error is about."""
    inside, mark = found["inside"], found["mark"]
    is_long = inside.count(" ") > 2 or len(inside) > 80
    if is_long and found.start() and inside == show_codes(inside):
        return f"{mark}<text>{mark}"
    return found[0]


@lru_cache(maxsize=2**16)
def fold_mixed(word: str) -> str:
    """A word with digits in it: its pieces that look drawn at random, and else the digits alone."""
    return "".join(map(fold_piece, PIECE.split(word)))


def fold_piece(piece: str) -> str:
    """One piece between hyphens or underscores."""
    if looks_random(piece):
        return FOLDED
    return DIGITS.sub(FOLDED, piece)


def looks_random(piece: str) -> bool:
    """Whether letters and digits, or large and small letters, change too often for words."""
    return not OF_WORDS.fullmatch(piece) and bool(
        len(SWITCH.findall(piece)) > 1
        or (len(piece) > 15 and len(HUMP.findall(piece)) > 3)
        or (len(piece) > 6 and HEX.fullmatch(piece))
    )


STEPS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (URL, fold_url),
    (EMAIL, "<email>"),
    (CODES, hide),
    (TIME, "<time>"),
    (UUID, FOLDED),
    (IP, "<ip>"),
    (BASE64, lambda found: FOLDED if looks_random(found[0]) else found[0]),
    (PATH, fold_path),
    (QUOTED, fold_quoted),
    (NAME, "@<name>"),
    (ESCAPED, FOLDED),
    (NUMBER, FOLDED),
    (MIXED, lambda found: fold_mixed(found[0])),
    (REPEATED, r"\1"),
    (PLURAL, singular),
)

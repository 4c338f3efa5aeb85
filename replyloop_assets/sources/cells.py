"""The cells of a spreadsheet-like file, read strictly: ids, counts and days."""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import TypeVar

from replyloop_assets.sources.items import Refused
from replyloop_assets.sources.snowflake import MAX_ID

MAX_COUNT = 2**31 - 1
SPREADSHEET_DIGITS = 15  # what a spreadsheet keeps of a number; the rest becomes zeros

DIGITS = re.compile(r"[0-9]{1,19}")
MANGLED = re.compile(r"[0-9]{1,19}([.,][0-9]{1,20})?[eE]\+?[0-9]{1,2}")
STATUS_LINK = re.compile(r"/status(?:es)?/([0-9]{1,19})(?![0-9])")
WHOLE_LINK = re.compile(r"https://[a-z.]+/[A-Za-z0-9_]+/status/([1-9][0-9]{0,18})")
NO_STATUS = re.compile(r"/status(?:es)?/(undefined|null|NaN)?/?$")
COUNT = re.compile(r"[0-9]{1,19}|[0-9]{1,3}(?:([, '\u00a0\u202f\u2019])[0-9]{3})(?:\1[0-9]{3})*")
FRACTION_OF_NOTHING = re.compile(r"\.0+$")  # the older export writes 12 as 12.0
USERNAME = re.compile(r"[A-Za-z0-9_]{1,15}")
LEADING_NAME = re.compile(r"@([A-Za-z0-9_]{1,15})(?![A-Za-z0-9_])")

ENGLISH_DAY = re.compile(r"[A-Za-z]{3},? ([A-Za-z]{3}) ([0-9]{1,2}),? ([0-9]{4})")
ISO_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?![0-9])")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


Value = TypeVar("Value")


class Remembered(dict[str, Value]):
    """What a reader makes of a cell, by cell: most cells of a file say what others said before.

    Only short cells are kept, and so many of them, so that no file fills the memory.
    """

    LENGTH = 32
    CELLS = 20_000

    def __init__(self, read: Callable[[str], Value]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, cell: str) -> Value:
        value = self._read(cell)
        if len(cell) <= self.LENGTH and len(self) < self.CELLS:
            self[cell] = value
        return value


def read_count(cell: str) -> int | None:
    """A count; None where the export has none (`-` or nothing). Thousands may be separated.

    Raises:
        Refused: negative, no whole number, or beyond 2**31 - 1.
    """
    text = FRACTION_OF_NOTHING.sub("", cell.strip())
    if text in ("", "-"):
        return None
    if COUNT.fullmatch(text):
        count = int(re.sub(r"[^0-9]", "", text))
        if count > MAX_COUNT:
            raise Refused("count out of range")
        return count
    raise Refused("negative count" if re.fullmatch(r"-[0-9.,]+", text) else "count is no number")


def read_day(cell: str) -> date | None:
    """The day of `Mon Feb 03 2025`, `Fri, Feb 27, 2026` or `2021-03-01 …`; None for other forms."""
    text = cell.strip()
    try:
        if match := ENGLISH_DAY.fullmatch(text):
            month = MONTHS.index(match[1].lower()) + 1
            return date(int(match[3]), month, int(match[2]))
        if match := ISO_DAY.match(text):
            return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:  # no such month or day
        return None
    return None


COUNTS = Remembered(read_count)
DAYS = Remembered(read_day)


def read_tweet_id(cell: str, link: str) -> str:
    """The id of a post from its id cell and its link, which must agree; always a string of digits.

    A spreadsheet turns ids into 2.01977E+18 or fills them up with zeros: the link then has the id.

    Raises:
        Refused: there is no id, the two disagree, or the id is damaged and no link has it.
    """
    whole = WHOLE_LINK.fullmatch(link)
    if whole and whole[1] == cell:  # as nearly all are
        return _in_range(cell)
    text = cell.strip().removeprefix("=").strip("'\"")
    if NO_STATUS.search(link.strip()):
        raise Refused("link without a post")
    match = STATUS_LINK.search(link)
    linked = match[1] if match else None
    if linked is None and not text:
        raise Refused("no post id")
    if text and not (DIGITS.fullmatch(text) or MANGLED.fullmatch(text)):
        raise Refused("post id is no number")
    if linked is None and _is_damaged(text):
        raise Refused("id damaged by a spreadsheet")
    if linked is not None and text not in ("", linked) and not _may_come_from(text, linked):
        raise Refused("id and link disagree")
    return _in_range(str(int(linked or text)))


def _in_range(tweet_id: str) -> str:
    if not 0 < int(tweet_id) <= MAX_ID:
        raise Refused("post id out of range")
    return tweet_id


def _is_damaged(text: str) -> bool:
    """Whether an id went through a spreadsheet: a power of ten, or zeros beyond 15 digits."""
    digits = len(text.rstrip("0"))
    return not text.isdigit() or digits <= SPREADSHEET_DIGITS < len(text)


def _may_come_from(text: str, exact: str) -> bool:
    """Whether `text` may be the id `exact` after a spreadsheet or a program took it for a number."""
    if not _is_damaged(text):  # a double, written out in full or as JavaScript does
        double = float(exact)
        return text in (str(int(double)), f"{Decimal(repr(double)):.0f}")
    number = Decimal(text.replace(",", ".")).normalize()
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return abs(number - Decimal(exact)) < Decimal(10) ** exponent

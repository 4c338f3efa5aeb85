"""What an X post id says by itself: when the post was written."""

import uuid
from datetime import UTC, datetime, timedelta
from hashlib import sha1

UNIX = datetime.fromtimestamp(0, UTC)
EPOCH_MS = 1288834974657
EPOCH = UNIX + timedelta(milliseconds=EPOCH_MS)
TIME_SHIFT = 22  # the low bits number the machine and the sequence
FIRST_DAY = datetime(2010, 11, 5, tzinfo=UTC)  # ids counted up before: they hold no time
MAX_ID = 2**63 - 1
UUID_SEED = uuid.NAMESPACE_URL.bytes + b"https://x.com/i/web/status/"
VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))  # the two bits that a UUID has of its own


def posted_at(tweet_id: str) -> datetime:
    """The instant of a post to the millisecond, UTC: `(id >> 22) + 1288834974657` ms."""
    return UNIX + timedelta(milliseconds=posted_ms(tweet_id))


def posted_ms(tweet_id: str) -> int:
    """The same in milliseconds since 1970, which compare and travel faster."""
    return (int(tweet_id) >> TIME_SHIFT) + EPOCH_MS


def as_ms(instant: datetime) -> int:
    """The whole milliseconds since 1970 until an instant."""
    return (instant - UNIX) // timedelta(milliseconds=1)


def derived_decision_id(tweet_id: str) -> str:
    """The decision id of a post that no decision is known for, as a textual UUID.

    It depends on the post alone and fits a TEXT and a UUID column both; whoever needs to know
    whether an id was derived computes it again.
    """
    # uuid.uuid5 of the post's address: its class would take a third of an import's time
    text = sha1(UUID_SEED + tweet_id.encode(), usedforsecurity=False).hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"

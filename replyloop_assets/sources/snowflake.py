"""What an X post id says by itself: when the post was written."""

import uuid
from datetime import UTC, datetime, timedelta

EPOCH = datetime.fromtimestamp(1288834974.657, UTC)
TIME_SHIFT = 22  # the low bits number the machine and the sequence
FIRST_DAY = datetime(2010, 11, 5, tzinfo=UTC)  # ids counted up before: they hold no time
MAX_ID = 2**63 - 1


def posted_at(tweet_id: str) -> datetime:
    """The instant of a post to the millisecond, UTC: `(id >> 22) + 1288834974657` ms."""
    return EPOCH + timedelta(milliseconds=int(tweet_id) >> TIME_SHIFT)


def derived_decision_id(tweet_id: str) -> str:
    """The decision id of a post that no decision is known for, as a textual UUID.

    It depends on the post alone and fits a TEXT and a UUID column both; whoever needs to know
    whether an id was derived computes it again.
    """
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://x.com/i/web/status/{tweet_id}"))

"""What is watched for a drop: followers, or profile visits where hardly any reply brings a follower."""

from typing import Literal

from replyloop_assets.learning.comparison import Flags
from replyloop_assets.learning.health.rollup import Places, Rollup, windows_of

Watched = Literal["followers", "visits"]
MEASURED = 0.5  # of the replies, below which a metric cannot stand for them


def are_sparse(followers: Rollup, firsts: Places, days: int, sparse_positives: float) -> Flags:
    """Whether less than this part of the replies brings any follower, in each window of so many days."""
    positives, n = (
        windows_of(part[followers.of_all], firsts, days).sum(-1)
        for part in (followers.positives, followers.plain.n)
    )
    sparse: Flags = positives < sparse_positives * n
    return sparse


def are_measured(followers: Rollup, visits: Rollup, firsts: Places, days: int, lately: int) -> Flags:
    """Whether visits are there for most replies of each window, of old and of so many days of late.

    Else what is not measured looks like calm.
    """
    seen, of = (windows_of(one.plain.n[one.of_all], firsts, days) for one in (visits, followers))
    measured: Flags = seen.sum(-1) > 0
    for since in (0, days - lately):
        measured &= seen[:, since:].sum(-1) >= MEASURED * of[:, since:].sum(-1)
    return measured
